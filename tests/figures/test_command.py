import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from figures.__main__ import app
from figures.draw import draw_paper
from figures.results import ResultsError, read_figure


def run(fake, *arguments):
    return CliRunner().invoke(app, [*arguments, "--results", str(fake.results), "--build", str(fake.build)])


def read_claims(fake):
    return json.loads((fake.build / "claims.json").read_text())


def test_a_paper_end_to_end(fake):
    result = run(fake)
    assert result.exit_code == 0, result.output
    # A claim that fails is a finding.
    assert "Ends <b>low</b>." in re.sub(r"\s+", " ", result.output)
    assert re.search(r"paper +1 +1 +0 +1 +0", result.output)
    assert {path.name for path in (fake.build / fake.slug).iterdir()} == {
        "paper.json",
        *(f"{name}.{kind}" for name in ("rates", "grid") for kind in ("pdf", "png", "json")),
    }
    assert (fake.build / fake.slug / "rates.pdf").read_bytes().startswith(b"%PDF")
    assert [entry["holds"] for entry in read_claims(fake)] == [True, True, False]
    assert (fake.build / "index.html").is_file()


def test_drawing_twice_gives_the_same_bytes(fake):
    def digests():
        assert run(fake, fake.slug).exit_code == 0
        files = sorted(path for path in fake.build.rglob("*") if path.is_file())
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests() == digests()


def test_one_figure_leaves_the_others(fake):
    assert run(fake, fake.slug).exit_code == 0
    before = (fake.build / fake.slug / "grid.png").stat().st_mtime_ns
    fake.describe("rates", title="Another title")
    assert run(fake, fake.slug, "--figure", "rates").exit_code == 0
    assert (fake.build / fake.slug / "grid.png").stat().st_mtime_ns == before
    assert len(read_claims(fake)) == 3
    assert "Another title" in (fake.build / "index.html").read_text()


def test_missing_figure_is_named_with_the_command_that_makes_it(fake):
    assert run(fake).exit_code == 0
    (fake.folder("grid") / "figure.json").unlink()
    result = run(fake)
    assert result.exit_code == 2
    assert "python -m experiments run paper_configs/made-up.toml --profile quick --figure grid" in result.output
    assert "Traceback" not in result.output
    # The other figure was drawn, and the stale one is gone from page and claims.
    assert (fake.build / fake.slug / "rates.png").is_file()
    assert not (fake.build / fake.slug / "grid.png").exists()
    assert {entry["figure"] for entry in read_claims(fake)} == {"rates"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["made-up", "--profile", "paper"], "paper_configs/made-up.toml --profile paper"),
        (["--profile", "paper"], "holds no results at the paper profile"),
        (["unheard-of"], "paper_configs/unheard-of.toml"),
        (["made-up", "--figure", "nothing"], "it has: rates, grid"),
        (["--figure", "rates"], "exactly one paper"),
    ],
)
def test_missing_results_end_with_two(fake, arguments, words):
    result = run(fake, *arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_paper_without_a_module(fake):
    (fake.results / "orphan" / "quick").mkdir(parents=True)
    (fake.results / "orphan" / "quick" / "paper.json").write_text('{"slug": "orphan", "title": "t"}')
    result = run(fake, "orphan")
    assert result.exit_code == 2
    assert "figures.orphan" in result.output


def test_page_only_draws_nothing(fake):
    assert run(fake).exit_code == 0
    (fake.build / "index.html").unlink()
    before = (fake.build / fake.slug / "rates.png").stat().st_mtime_ns
    result = run(fake, "--page-only")
    assert result.exit_code == 0
    assert (fake.build / fake.slug / "rates.png").stat().st_mtime_ns == before
    assert (fake.build / "index.html").is_file()


def test_figures_of_earlier_versions_are_forgotten_and_other_files_kept(fake):
    folder = fake.build / fake.slug
    folder.mkdir(parents=True)
    for name in ("gone.json", "gone.pdf", "gone.png", "mine.txt"):
        (folder / name).write_text("{}")
    draw_paper(fake.results, fake.build, fake.slug, "quick")
    assert not list(folder.glob("gone.*"))
    assert (folder / "mine.txt").is_file()


def test_damaged_results_say_so(fake):
    (fake.folder("rates") / "figure.json").write_text("{")
    with pytest.raises(ResultsError, match="damaged"):
        read_figure(fake.results, fake.slug, "quick", "rates")
    tables, _ = read_figure(fake.results, fake.slug, "quick", "grid")
    with pytest.raises(ResultsError, match="it has: cells"):
        tables["rates"]
    (fake.folder("grid") / "cells.parquet").write_bytes(b"not parquet")
    with pytest.raises(ResultsError, match="cannot be read"):
        tables["cells"]


def test_importing_figures_imports_neither_recover_nor_experiments():
    root = pathlib.Path(__file__).parents[2]
    modules = [f"figures.{path.stem}" for path in sorted((root / "figures").glob("*.py")) if path.stem != "__init__"]
    program = (
        "import importlib, sys\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "bad = {name.split('.')[0] for name in sys.modules} & {'recover', 'experiments', 'jax'}\n"
        "assert not bad, bad"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root, env=environment)
