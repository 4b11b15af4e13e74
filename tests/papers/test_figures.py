"""Every figure of every paper, computed tiny and drawn."""

import json
import pathlib

import pytest
from rich.console import Console

from experiments.config import figure_kinds, load
from experiments.run import run_paper
from figures.draw import draw_paper
from figures.registry import drawings
from recover.sweeps import layout

CONFIGS = {path.stem: path for path in sorted((pathlib.Path(__file__).parents[2] / "paper_configs").glob("*.toml"))}
PAPERS = pytest.mark.parametrize("paper", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in CONFIGS])
FIGURES = [
    pytest.param(paper, figure, marks=pytest.mark.xdist_group(paper), id=f"{paper}-{figure}")
    for paper in CONFIGS
    for figure in figure_kinds(paper)
]


@pytest.fixture(autouse=True)
def few_programs(monkeypatch):
    """One width for all: figures of a paper then share more programs, and nothing runs for long enough to mind."""
    monkeypatch.setattr(layout, "_SIDES", (4,))
    monkeypatch.setattr(layout, "_CPU_CACHE", 1 << 12)


def depends_on(paper=None):
    """The code and the configuration of one paper."""
    return paper and [f"experiments.{paper}", f"figures.{paper}", *figure_kinds(paper).values(), CONFIGS[paper]]


@PAPERS
@pytest.mark.parametrize("profile", ["quick", "paper", "tiny"])
def test_configurations_are_valid_and_complete(paper, profile):
    assert sorted(figure.name for figure in load(CONFIGS[paper], profile).figures) == sorted(figure_kinds(paper))


@PAPERS
def test_what_is_computed_is_drawn(paper):
    assert sorted(drawings(paper)) == sorted(figure_kinds(paper))


@pytest.mark.parametrize(("paper", "figure"), FIGURES)
def test_a_figure_is_computed_and_drawn(paper, figure, tmp_path, capsys):
    config = load(CONFIGS[paper], "tiny", figure)
    assert run_paper(config, tmp_path / "results", Console()) == [], capsys.readouterr().out
    drawn = draw_paper(tmp_path / "results", tmp_path / "build", paper, "tiny", figure)
    assert drawn.missing == ()
    assert (tmp_path / "build" / paper / f"{figure}.png").stat().st_size > 5000
    found = json.loads((tmp_path / "build" / "claims.json").read_text())
    assert len({claim["id"] for claim in found}) == len(found)
    assert all(claim["profile"] == "tiny" for claim in found)
