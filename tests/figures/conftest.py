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
from figures.claims import claim
from figures.registry import figure

LABELS = {"x": "x (1)", "rate": "success rate"}


@figure("rates", alt="Success falls along the axis.")
def rates(sheet):
    sheet.panel().curves(sheet["rates"], "x", "rate")

    @sheet.claims
    def _(tables):
        first = tables["rates"]["rate"].iloc[0]
        yield claim("Starts at one.", "paper, Figure 1", first, interval=(0.7, float("inf"))).at_least(0.9)
        yield claim("Ends <b>low</b>.", "theory, of nothing", float("nan")).at_most(0.1)


@figure("grid")
def grid(sheet):
    sheet.panel().heat(sheet["cells"], "x", "y")

    @sheet.claims
    def _(tables):
        yield claim("Half.", "ours", 0.5, deterministic=True).within(0.1, of=sheet.reference["half"])
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
            "configuration": {"axes": {"x": [0, 1]}, "seed": 1234567},
            "reference": {"half": 0.5},
            "trials": 4,
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
    rates = pd.DataFrame({"x": x, "rate": [1.0, 0.8, 0.2, 0.0]})
    rates = rates.assign(rate_low=[0.7, 0.5, 0.0, -np.inf], rate_high=1.0)
    rates.to_parquet(paper.folder("rates") / "rates.parquet")
    across, up = np.meshgrid(x, np.arange(3.0))
    cells = pd.DataFrame({"x": across.ravel(), "y": up.ravel(), "rate": (across / 3).ravel()})
    cells.to_parquet(paper.folder("grid") / "cells.parquet")
    yield paper
    sys.modules.pop("figures.made_up", None)
