"""Every paper, tiny: from configuration to figures and claims."""

import dataclasses
import json
import pathlib

import pytest

from experiments.config import FigureConfig, PaperConfig, load
from experiments.results import is_current
from experiments.run import run_paper

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "paper_configs").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("profile", ["quick", "paper"])
def test_every_configuration_is_valid(path, profile):
    assert load(path, profile).figures


FIGURES = ("phase_diagram", "finite_size", "support_recovery", "photograph")


@pytest.fixture(scope="module")
def tiny() -> PaperConfig:
    config = load(next(path for path in CONFIGS if path.stem == "sparse_classics"), "tiny")
    return dataclasses.replace(config, figures=tuple(f for f in config.figures if f.name in FIGURES))


def named(config: PaperConfig, name: str) -> FigureConfig:
    return next(figure for figure in config.figures if figure.name == name)


def test_results_are_made_kept_and_remade_when_numbers_change(tiny, tmp_path, capsys):
    from rich.console import Console

    assert run_paper(tiny, tmp_path, Console()) == []
    folder = tmp_path / "sparse_classics" / "tiny" / "finite_size"
    description = json.loads((folder / "figure.json").read_text())
    assert description["provenance"]["instances"] == 2 * 3 * 4
    assert description["configuration"]["trials"] == 4
    parts = [description["provenance"][f"{name}_seconds"] for name in ("trace", "lower", "xla", "cache")]
    assert 0 < sum(parts) <= description["provenance"]["compile_seconds"]
    assert {path.stem for path in folder.glob("*.parquet")} == {"success", "boundary"}
    assert all(is_current(tmp_path, tiny, figure) for figure in tiny.figures)
    capsys.readouterr()
    assert run_paper(tiny, tmp_path, Console()) == []
    assert capsys.readouterr().out.count("up to date") == len(tiny.figures)
    known = named(tiny, "finite_size")
    other = dataclasses.replace(known, numbers=known.numbers.model_copy(update={"trials": 5}))
    assert not is_current(tmp_path, tiny, other)


def test_a_figure_that_fails_does_not_cost_the_others(tiny, tmp_path, capsys):
    from rich.console import Console

    first = named(tiny, "phase_diagram")

    class Broken(type(first.numbers)):
        def sweeps(self):
            raise ZeroDivisionError("broken on purpose")

    broken = dataclasses.replace(first, numbers=Broken.model_construct(**dict(first.numbers)))
    config = dataclasses.replace(tiny, figures=(broken, named(tiny, "finite_size")))
    assert run_paper(config, tmp_path, Console()) == [first.name]
    assert "broken on purpose" in capsys.readouterr().out
    assert (tmp_path / "sparse_classics" / "tiny" / "finite_size" / "figure.json").is_file()
