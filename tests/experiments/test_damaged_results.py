"""Finished figures whose files are damaged are made again; what cannot be written says so in a sentence."""

import os
import pathlib
import re
import subprocess

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from experiments.__main__ import app
from experiments.config import FigureConfig, Paper, PaperConfig
from experiments.figure import Figure, Sweep
from experiments.results import is_current
from experiments.run import run_paper
from figures.results import ResultsError, Tables
from tests.sweeps.toy import traced_cell

ROOT = pathlib.Path(__file__).parents[2]


class Plain(Figure):
    """A table without trials, and one with them."""

    def sweeps(self):
        return Sweep(traced_cell, {"samples": [3, 5], "noise": [1.0]}, 2)

    def tables(self, swept):
        return {"rows": swept.frame[["samples", "trial", "error"]]}

    def predictions(self):
        return {"plain": pd.DataFrame({"a": [1.0, 2.0]})}


@pytest.fixture
def config():
    figure = FigureConfig("plain", "Plain", "", None, {}, Plain())
    return PaperConfig("toy", "tiny", Paper(title="", authors="", reference="", summary=""), (figure,))


@pytest.fixture
def run(config, tmp_path, capsys):
    def again(**options):
        assert run_paper(config, tmp_path, Console(width=400), **options) == []
        return capsys.readouterr().out

    return again


@pytest.mark.parametrize("name", ["plain.parquet", "rows.parquet", "figure.json"])
@pytest.mark.parametrize("damage", ["cut", "missing", "garbage"])
@pytest.mark.parametrize("force", [False, True])
def test_damaged_tables_are_named_and_made_again(name, damage, force, config, run, tmp_path):
    run()
    assert "up to date" in run()
    path = tmp_path / "toy" / "tiny" / "plain" / name
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"\xff" * 20)
    assert not is_current(tmp_path, config, config.figures[0])
    said = run(force=force)
    assert "up to date" not in said
    if not force and (name, damage) != ("figure.json", "missing"):
        assert f"{path} is missing or damaged, and is made again" in said
    assert is_current(tmp_path, config, config.figures[0])
    if name != "figure.json":
        assert pd.read_parquet(path) is not None
    assert "up to date" in run()


def test_a_table_that_does_not_read_says_what_to_run(config, run, tmp_path):
    run()
    folder = tmp_path / "toy" / "tiny" / "plain"
    (folder / "plain.parquet").write_bytes(b"PAR1")
    with pytest.raises(
        ResultsError, match=r"cannot be read.*\n.*run paper_configs/toy\.toml --profile tiny --figure plain"
    ):
        Tables(folder)["plain"]
    (folder / "resamples").mkdir(exist_ok=True)
    (folder / "resamples" / "plain.parquet").write_bytes(b"PAR1")
    with pytest.raises(ResultsError, match="cannot be read"):
        Tables(folder).resampled()


def test_a_damaged_block_of_a_figure_is_computed_again(run, tmp_path):
    run()
    (block,) = tmp_path.rglob("blocks/*.parquet")
    block.write_bytes(block.read_bytes()[:100])
    run(force=True)
    assert block.with_name(block.name + ".damaged").exists()
    assert len(pd.read_parquet(block)) == 4


CONFIG = ROOT / "paper_configs" / "subgm.toml"


def invoked(*arguments):
    outcome = CliRunner().invoke(app, list(map(str, arguments)))
    return outcome.exit_code, re.sub(r"\s+", " ", outcome.output)


def test_a_folder_as_configuration_lists_what_is_in_it(tmp_path):
    code, said = invoked("run", CONFIG.parent)
    assert code == 2
    assert "is a folder; give one file" in said
    assert "paper_configs/subgm.toml" in said
    assert "there is no .toml in it" in invoked("run", tmp_path)[1]
    assert invoked("list", tmp_path)[0] == 2


def test_results_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    options = ("--figure", "step_rules", "--profile", "tiny", "--results")
    code, said = invoked("run", CONFIG, *options, tmp_path / "file")
    assert (code, said.count("error:")) == (2, 1)
    assert "cannot be written to (File exists); give another folder with --results" in said

    def refuse(*arguments, **options):
        raise PermissionError(13, "Read-only file system")

    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    code, said = invoked("run", CONFIG, *options[:-1])
    assert (code, said.strip()) == (
        2,
        "error: results cannot be written to (Read-only file system); give another folder with --results.",
    )


def test_an_interruption_of_a_paper_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.run.run_figure", interrupted)
    code, said = invoked("run", CONFIG, "--figure", "step_rules", "--profile", "tiny", "--results", tmp_path / "a")
    assert code == 130
    assert "the same command goes on" in said


def test_a_paper_that_is_not_there_is_said_to_be_so_once():
    # As from a shell, even where it was make that started the tests.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    done = subprocess.run(["make", "figures", "PAPER=typo"], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first.startswith("there is no paper_configs/typo.toml; PAPER may be: amtrl_lasso atoms blind_calibration")
    assert len(rest) <= 1
    assert not done.stdout
