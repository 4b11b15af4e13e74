"""Which tests run again after an edit: on a small checkout, and by running pytest in it."""

import pathlib
import re
import subprocess
import sys

import pytest

from tests.selection import Closures, tracked_files

ROOT = pathlib.Path(__file__).parents[1]

SMALL = {
    ".gitignore": ".cache/\n__pycache__/\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--import-mode=importlib'\n",
    "docs/page.md": "A page.",
    "paper_configs/toy.toml": "seed = 1",
    "paper_configs/other.toml": "seed = 1",
    "recover/__init__.py": '_HOMES = {"sweep": "sweeps"}\n_MODULES = {"solvers": "solvers"}\ndef __getattr__(name): ...\n',
    "recover/solvers.py": '_HOMES = {"AMP": "amp", "OMP": "omp"}\n',
    "recover/amp.py": "from .loop import run\nclass AMP: ...\n",
    "recover/omp.py": "from .loop import run\nclass OMP: ...\n",
    "recover/loop.py": "def run(): ...\n",
    "recover/sweeps.py": "def sweep(): ...\n",
    "recover/lazy.py": "",
    "experiments/__init__.py": "",
    "experiments/run.py": "",
    "experiments/toy.py": "",
    "tests/conftest.py": "",
    "tests/registry.py": "from recover import solvers\nSOLVERS = [solvers.AMP, solvers.OMP]\n",
    "tests/test_amp.py": "import recover as rc\ndef test(): rc.solvers.AMP()\n",
    "tests/test_all.py": "import recover as rc\ndef test(): vars(rc.solvers)\n",
    "tests/test_listed.py": "from tests.registry import SOLVERS\ndef test(): ...\n",
    "tests/test_plain.py": "def test(): ...\n",
    "tests/test_page.py": "def test(): open('docs/page.md')\n",
    "tests/test_papers.py": "import experiments.run\ndef test(): ...\n",
    "tests/deep/conftest.py": "from recover.omp import OMP\n",
    "tests/deep/test_deep.py": "def test(omp): ...\n",
}
TESTS = sorted(pathlib.Path(name).stem.removeprefix("test_") for name in SMALL if "/test_" in name)
LISTED, PAPER = "tests/test_listed.py", "tests/test_papers.py"


@pytest.fixture
def small(tmp_path):
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def digests(root):
    """By test: what its file depends on, what a test of AMP alone does, and what one of the paper alone does."""
    closures = Closures(root, tracked_files(root))
    found = {path.stem.removeprefix("test_"): closures.of(path) for path in sorted(root.glob("tests/**/test_*.py"))}
    found["listed AMP"] = closures.of(root / LISTED, ["recover.amp"])
    found["paper toy"] = closures.of(root / PAPER, ["experiments.toy", root / "paper_configs" / "toy.toml"])
    return found


LOOK = {"page", "papers"}
EVERY = {*TESTS, "listed AMP", "paper toy"}


@pytest.mark.parametrize(
    ("edited", "text", "stale"),
    [
        ("recover/amp.py", "class AMP: 'edited'", {*LOOK, "amp", "all", "listed", "listed AMP"}),
        ("recover/omp.py", "class OMP: 'edited'", {*LOOK, "all", "listed", "deep"}),
        ("recover/loop.py", "def run(): 'edited'", {*LOOK, "amp", "all", "listed", "listed AMP", "deep"}),
        # A name more in an index is nothing to who does not use it; an index that does something else is, and a lost file.
        ("recover/solvers.py", '_HOMES = {"AMP": "amp", "OMP": "omp", "Run": "loop"}', LOOK),
        ("recover/solvers.py", '_HOMES = {"AMP": "omp", "OMP": "omp"}', EVERY),
        ("recover/solvers.py", SMALL["recover/solvers.py"] + "print()", EVERY),
        ("recover/sweeps.py", "def sweep(): 'reached by no test'", EVERY),
        ("recover/lazy.py", "reached = 'by no test'", EVERY),
        ("recover/fresh.py", "reached = 'by no test'", EVERY),
        ("tests/registry.py", SMALL["tests/registry.py"] + "# edited", {*LOOK, "listed", "listed AMP"}),
        ("tests/test_amp.py", "def test(): ...", {*LOOK, "amp"}),
        ("tests/conftest.py", "# edited", EVERY),
        ("tests/deep/conftest.py", "# edited", {*LOOK, "deep"}),
        ("tests/data.json", "{}", EVERY),
        ("docs/page.md", "Another page.", LOOK),
        ("paper_configs/toy.toml", "seed = 2", {*LOOK, "paper toy"}),
        ("paper_configs/other.toml", "seed = 2", LOOK),
        ("experiments/toy.py", "# edited", {*LOOK, "paper toy"}),
        ("experiments/run.py", "# edited", {*LOOK, "paper toy"}),
        ("pyproject.toml", "# edited", EVERY),
        ("Makefile", "# new", EVERY),
    ],
)
def test_an_edit_makes_stale_what_depends_on_it(small, edited, text, stale):
    before = digests(small)
    assert digests(small) == before
    (small / edited).write_text(text)
    after = digests(small)
    assert {name for name in before if after[name] != before[name]} == stale


def test_settings_make_everything_stale(small, monkeypatch):
    before = digests(small)
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=somewhere")
    assert not set(before.values()) & set(digests(small).values())


def pytest_in(root, *arguments):
    """What a run says about its selection, and how its tests ended."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.selection",
        "--rootdir",
        root,
        "-c",
        root / "pyproject.toml",
    ]
    done = subprocess.run([*command, *arguments, root / "tests"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    found = re.search(r"selection: (all )?(\d+)", done.stdout)
    return done.returncode, found and int(found[2]), done.stdout


def test_what_passed_is_left_out_and_what_failed_is_not(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / ".gitignore").write_text(SMALL[".gitignore"])
    (tmp_path / "pyproject.toml").write_text(SMALL["pyproject.toml"])
    (tmp_path / "tests" / "test_good.py").write_text("def test(): pass")
    (tmp_path / "tests" / "test_bad.py").write_text("def test(): assert False")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    code, count, output = pytest_in(tmp_path, "--changed", "-n", "1", "--dist", "loadgroup")
    assert (code, count) == (1, 2), output
    (tmp_path / "tests" / "test_bad.py").write_text("def test(): pass")
    code, count, output = pytest_in(tmp_path, "--changed")
    assert (code, count) == (0, 1), output
    code, count, output = pytest_in(tmp_path, "--changed", "-n", "1", "--dist", "loadgroup")
    assert (code, count) == (0, 0), output
    assert "0 of 2 tests" in output


def test_tests_of_a_group_run_in_one_worker(request):
    if not hasattr(request.config, "workerinput"):
        pytest.skip("there is one worker")
    assert request.node.nodeid.rpartition("@")[2] == "tests/test_selection.py"
