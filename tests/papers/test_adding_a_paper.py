"""The page on adding a paper is followed to the letter."""

import pathlib
import re
import sys

from rich.console import Console

import experiments
import figures
from experiments.config import load
from experiments.run import run_paper
from figures import registry
from figures.draw import draw_paper

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "adding_a_paper.md").read_text()
FILES = re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)


def test_a_paper_takes_less_than_sixty_lines_of_python():
    written = [line for path, text in FILES if path.endswith(".py") for line in text.splitlines()]
    assert len(written) < 60


def test_the_paper_of_the_page(tmp_path, monkeypatch, capsys):
    for path, text in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path / "experiments")])
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path / "figures")])
    monkeypatch.setattr(registry, "_drawings", {})
    try:
        config = load(tmp_path / "paper_configs" / "toy.toml", "tiny")
        assert run_paper(config, tmp_path / "results", Console()) == [], capsys.readouterr().out
        drawn = draw_paper(tmp_path / "results", tmp_path / "build", "toy", "tiny")
    finally:
        for name in [name for name in sys.modules if name.startswith(("experiments.toy", "figures.toy"))]:
            del sys.modules[name]
    assert drawn.figures == ("one_step",)
    assert [claim.id for claim in drawn.claims] == [
        "toy/one_step/one-step-finds-most-supports",
        "toy/one_step/more-samples-help",
    ]
    assert [claim.source for claim in drawn.claims] == ["paper, Figure 1", "ours"]
    # Ten trials are enough for an interval.
    assert drawn.claims[0].interval is not None
