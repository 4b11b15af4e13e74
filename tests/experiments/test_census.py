"""The census counts programs as the engine compiles them."""

import pathlib

import pytest
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.census import planned
from experiments.config import load
from recover.sweeps.layout import Machine

FOLDER = pathlib.Path(__file__).parents[2] / "paper_configs"
CONFIG = FOLDER / "sparse_classics.toml"
# Programs that the quick profile of a paper may need, on two cores.
BUDGETS = {
    "amtrl_lasso": 6,
    "blind_calibration": 11,
    "gemss": 5,
    "generalised_linear": 6,
    "krosbl": 15,
    "matrix_completion": 16,
    "nonconvex_ag": 4,
    "phase_retrieval": 13,
    "presto": 4,
    "slr_ldp": 5,
    "slr_random_supports": 5,
    "sparse_bandits": 8,
    "sparse_classics": 23,
    "spiked_models": 20,
    "subgm": 8,
}


@pytest.mark.parametrize("paper", BUDGETS)
def test_a_paper_stays_within_its_budget_of_programs(paper, monkeypatch):
    monkeypatch.setattr(Machine, "here", lambda memory=None: Machine("cpu", devices=2, memory=memory or 2**32))
    assert len(planned([load(FOLDER / f"{paper}.toml", "quick")])) <= BUDGETS[paper]


def test_figures_that_share_a_program_count_it_once():
    finite = load(CONFIG, "tiny", "finite_size")
    once = planned([finite])
    assert len(once) > 0
    assert set(planned([finite, finite])) == set(once)
    both = planned([finite, load(CONFIG, "tiny", "nonconvex_penalties")])
    assert len(both) > len(once)


def test_a_budget_that_is_exceeded_fails(tmp_path):
    text = CONFIG.read_text()
    start, end = text.index("[figures.finite_size]"), text.index("[figures.noise_grid]")
    (tmp_path / "sparse_classics.toml").write_text(text[: text.index("[figures.")] + text[start:end])
    command = ["census", "--dry-run", "--profile", "tiny", "--folder", str(tmp_path)]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    count = int(shown.output.splitlines()[-1].split()[0])
    assert CliRunner().invoke(app, [*command, "--budget", str(count)]).exit_code == 0
    assert CliRunner().invoke(app, [*command, "--budget", str(count - 1)]).exit_code == 1
