"""Every paper, tiny: from configuration to figures and claims."""

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


TINY = {
    "phase_diagram": {
        "dimension": 40, "sampling_ratios": (0.3, 0.5), "relative_sparsities": (0.1, 0.3, 0.7), "trials": 2,
        "amp_dimension": 60, "amp_sampling_ratios": (0.5,), "amp_multiples": (0.5, 1.0, 1.5),
        "amp_trials": 3, "amp_max_steps": 40, "solvers": {"AMP": 40, "IHT": 20},
    },
    "finite_size": {"dimensions": (40, 80), "multiples": (0.5, 1.0, 1.5), "trials": 4, "max_steps": 40},
    "support_recovery": {"dimensions": (32,), "controls": (0.4, 2.2), "trials": 4, "max_steps": 20},
    "photograph": {"size": 32, "levels": 2, "sampling_ratios": (0.3, 0.6), "max_steps": 5},
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny() -> PaperConfig:
    config = load(next(path for path in CONFIGS if path.stem == "sparse_classics"), "quick")
    figures = tuple(
        FigureConfig(f.name, f.title, f.caption, f.inferred, f.numbers.model_copy(update=TINY[f.name]))
        for f in config.figures
        if f.name in TINY
    )
    return PaperConfig(config.slug, config.profile, config.paper, figures)


def test_results_are_made_kept_and_remade_when_numbers_change(tiny, tmp_path, capsys):
    from rich.console import Console

    assert run_paper(tiny, tmp_path, Console()) == []
    folder = tmp_path / "sparse_classics" / "quick" / "finite_size"
    description = json.loads((folder / "figure.json").read_text())
    assert description["provenance"]["instances"] == 2 * 3 * 4
    assert description["configuration"]["trials"] == 4
    assert {path.stem for path in folder.glob("*.parquet")} == {"success", "boundary", "scaling"}
    assert all(is_current(tmp_path, tiny, figure) for figure in tiny.figures)
    capsys.readouterr()
    assert run_paper(tiny, tmp_path, Console()) == []
    assert capsys.readouterr().out.count("up to date") == len(tiny.figures)
    other = FigureConfig("finite_size", "", "", None, tiny.figures[1].numbers.model_copy(update={"trials": 5}))
    assert not is_current(tmp_path, tiny, other)


def test_a_figure_that_fails_does_not_cost_the_others(tiny, tmp_path, capsys):
    from rich.console import Console

    class Broken(type(tiny.figures[0].numbers)):
        def sweeps(self):
            raise ZeroDivisionError("broken on purpose")

    first = tiny.figures[0]
    broken = FigureConfig(first.name, "", "", None, Broken.model_construct(**dict(first.numbers)))
    config = PaperConfig(tiny.slug, tiny.profile, tiny.paper, (broken, tiny.figures[1]))
    assert run_paper(config, tmp_path, Console()) == [first.name]
    assert "broken on purpose" in capsys.readouterr().out
    assert (tmp_path / "sparse_classics" / "quick" / "finite_size" / "figure.json").is_file()
