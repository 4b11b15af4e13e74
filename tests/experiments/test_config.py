"""Bad configurations end with an error that names file, key, value and what is allowed."""

import pathlib
import re

import pytest
from typer.testing import CliRunner

from experiments.__main__ import app

CONFIG = pathlib.Path(__file__).parents[2] / "paper_configs" / "sparse_classics.toml"
RUNNER = CliRunner()


def run(path, *options):
    outcome = RUNNER.invoke(app, ["run", str(path), *options])
    return outcome.exit_code, re.sub(r"\s+", " ", outcome.output + outcome.stderr)


def changed(tmp_path, old, new):
    text = CONFIG.read_text()
    assert text.count(old) >= 1
    path = tmp_path / "sparse_classics.toml"
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[figures.phase_diagram.quick]\ndimension = 200", "[figures.phase_diagram.quick]\ndimensions = 200",
         ["unknown key `figures.phase_diagram.quick.dimensions`", "Did you mean `dimension`", "is missing"]),
        ("[figures.phase_diagram.quick]\ndimension = 200", "[figures.phase_diagram.quick]\ndimension = -3", ["`figures.phase_diagram.quick.dimension` is -3", "greater than 0"]),
        ("[figures.phase_diagram.quick]\ndimension = 200", '[figures.phase_diagram.quick]\ndimension = "many"', ["`figures.phase_diagram.quick.dimension` is 'many'", "integer"]),
        ("[figures.phase_diagram.quick]\ndimension = 200", "[figures.phase_diagram.quick]\ndimension = nan", ["figures.phase_diagram.quick.dimension", "nan"]),
        ("sampling_ratio = [0.1, 0.2,", "sampling_ratio = [0.1, 1.2,", ["sampling_ratio.1` is 1.2", "less than or equal to 1"]),
        ("sampling_ratio = [0.25, 0.5, 0.75]", "sampling_ratio = []", ["figures.universality.quick.sampling_ratio", "at least 1"]),
        ("noise = [0.003, 0.03, 0.3]", "noise = [0.003, nan]", ["figures.noise_grid.common.noise.1", "finite"]),
        ("dimension = 512", "dimension = 500", ["partial_hadamard", "powers of two"]),
        ("sparsity = 12\n", "sparsity = 1200\n", ["`sparsity` is 1200", "at most 256"]),
        ("solvers = { AMP =", "solvers = { MAP =", ["is 'MAP'", "'AMP', 'BayesAMP'"]),
        ("[figures.finite_size]", "[figures.finite_sise]", ["unknown key `figures.finite_sise`", "Did you mean `finite_size`"]),
        ("[paper]", "[papers]", ["unknown key `papers`", "Did you mean `paper`"]),
        ("[paper]", "[paper", ["not valid TOML"]),
        ("[paper]", "x = " + "[" * 5000 + "\n[paper]", ["not valid TOML"]),
        ("[figures.finite_size]\n", "[figures.finite_size]\ninferred = 3\n", ["figures.finite_size.inferred"]),
        ("[figures.finite_size]\n", "[figures.finite_size]\nreference = 3\n", ["`figures.finite_size.reference` is 3; a table"]),
        ("size = 256", "size = 200", ["`size` is 200; a power of two"]),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_explained(tmp_path, old, new, expected):
    path = changed(tmp_path, old, new)
    code, output = run(path, "--results", str(tmp_path / "results"))
    assert code == 2
    assert "Traceback" not in output
    assert path.name in output
    for text in expected:
        assert text in output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"figures = 3\n", "`figures` is 3; a table is needed"),
        (b"[figures]\nphase_diagram = 3\n", "`figures.phase_diagram` is 3; a table is needed"),
        (b'[figures.finite_size]\ntitle = ""\ncaption = ""\nquick = 3\n', "`figures.finite_size.quick` is 3; a table"),
        (
            b'[figures.finite_size]\ntitle = ""\ncaption = ""\ncommon = []\n',
            "`figures.finite_size.common` is []; a table",
        ),
        (b"paper = 3\n[figures]\n", "`paper`"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"", "missing"),
        (b"a = 2026-13-45\n", "not valid TOML"),
    ],
)
def test_a_file_of_another_shape_is_explained(tmp_path, content, expected):
    path = tmp_path / "sparse_classics.toml"
    text = CONFIG.read_text()
    paper = text[text.index("[paper]") : text.index("[figures")].encode()
    path.write_bytes(content + (paper if content.startswith((b"figures", b"[figures")) else b""))
    code, output = run(path, "--results", str(tmp_path / "results"))
    assert code == 2
    assert "Traceback" not in output
    assert expected in output


@pytest.mark.parametrize("name", ["a.b", "a-b", "run", "1", "__init__"])
def test_a_name_that_is_no_paper_is_explained(tmp_path, name):
    path = tmp_path / f"{name}.toml"
    path.write_text(CONFIG.read_text())
    code, output = run(path)
    assert code == 2
    assert "there is no module" in output


def test_missing_file_and_unknown_figure_and_profile(tmp_path):
    code, output = run(tmp_path / "none.toml")
    assert code == 2
    assert "no such file" in output
    code, output = run(CONFIG, "--figure", "phase_diagrams")
    assert code == 2
    assert "allowed: state_evolution, phase_diagram" in output
    assert run(CONFIG, "--profile", "huge")[0] == 2


def test_list_and_show_and_dry_run_compute_nothing(tmp_path):
    listed = RUNNER.invoke(app, ["list", str(CONFIG.parent)])
    assert listed.exit_code == 0
    assert "phase_diagram" in listed.output
    shown = RUNNER.invoke(app, ["show", str(CONFIG), "--figure", "finite_size"])
    assert "dimension = [200, 400, 1000]" in shown.output
    results = tmp_path / "results"
    planned = RUNNER.invoke(
        app, ["run", str(CONFIG), "--dry-run", "--figure", "finite_size", "--results", str(results)]
    )
    assert planned.exit_code == 0, planned.output
    text = re.sub(r"\s+", " ", planned.output)
    assert "84 cells" in text
    assert "3 compiled programs" in text
    assert "at most about" in text
    assert not results.exists()
