"""A paper that does not exist: results on disk and a module that draws them."""

import json
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest

import figures
from figures import registry

MODULE = """
from figures import claims, panels, style
from figures.registry import figure


@figure("rates", alt="Success falls along the axis.")
def rates(tables, info):
    drawing, axes = style.new()
    panels.curves(axes[0, 0], tables["rates"], "x", "rate", xlabel="x (1)", ylabel="success rate")
    return drawing, [
        claims.above(info, "Starts at one.", tables["rates"]["rate"].iloc[0], 0.9, interval=(0.7, float("inf"))),
        claims.below(info, "Ends <b>low</b>.", float("nan"), 0.1),
    ]


@figure("grid")
def grid(tables, info):
    drawing, axes = style.new()
    panels.phase_diagram(axes[0, 0], tables["cells"], "x", "y", xlabel="x (1)", ylabel="y (1)")
    return drawing, [claims.within(info, "Half.", 0.5, info.configuration["half"], 0.1)]
"""


class Fake:
    """Where the made-up paper lives, and how to change it."""

    def __init__(self, folder):
        self.results = folder / "results"
        self.build = folder / "build"
        self.slug = "made-up"

    def folder(self, figure=""):
        return self.results / self.slug / "quick" / figure

    def describe(self, figure, **changes):
        description = {
            "paper": self.slug,
            "figure": figure,
            "title": f"Title of {figure}",
            "caption": "A caption.",
            "profile": "quick",
            "configuration": {"half": 0.5, "axes": {"x": [0, 1]}, "seed": 1234567},
            "config_hash": "abc",
            "provenance": {"device": "cpu", "dtype": "float32", "run_seconds": 3.0, "versions": {"numpy": "2"}},
            "inferred": None,
            "started": 0.0,
            "finished": 60.0,
            "order": 0,
        }
        self.folder(figure).mkdir(parents=True, exist_ok=True)
        (self.folder(figure) / "figure.json").write_text(json.dumps({**description, **changes}))

    def describe_paper(self, **changes):
        paper = {
            "slug": self.slug,
            "title": "A paper",
            "authors": "N. N.",
            "reference": "arXiv:1234.56789",
            "summary": "Says something.",
        }
        self.folder().mkdir(parents=True, exist_ok=True)
        (self.folder() / "paper.json").write_text(json.dumps({**paper, **changes}))


@pytest.fixture
def fake(tmp_path, monkeypatch):
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "made_up.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(modules)])
    monkeypatch.setattr(registry, "_drawings", {})
    # A test that imports the module again must register its figures again.
    monkeypatch.delitem(sys.modules, "figures.made_up", raising=False)
    paper = Fake(tmp_path)
    paper.describe_paper()
    paper.describe("rates")
    paper.describe("grid")
    x = np.arange(4.0)
    rates = pd.DataFrame({"x": x, "rate": [1.0, 0.8, 0.2, 0.0], "low": [0.7, 0.5, 0.0, -np.inf], "high": 1.0})
    rates.to_parquet(paper.folder("rates") / "rates.parquet")
    across, up = np.meshgrid(x, np.arange(3.0))
    cells = pd.DataFrame({"x": across.ravel(), "y": up.ravel(), "rate": (across / 3).ravel()})
    cells.to_parquet(paper.folder("grid") / "cells.parquet")
    yield paper
    sys.modules.pop("figures.made_up", None)
