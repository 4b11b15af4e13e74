"""The package as others install and check it; with FULL=1, since an environment is made from the index."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import venv

import pytest

ROOT = pathlib.Path(__file__).parents[2]
HERE = pathlib.Path(__file__).parent
pytestmark = pytest.mark.skipif(not os.environ.get("RECOVER_ALL_CONTRACTS"), reason="with FULL=1")

USE = """
import importlib.resources, pathlib
import recover as rc
assert "site-packages" in rc.__file__
package = importlib.resources.files("recover")
assert (package / "py.typed").is_file() and (package / "solvers.pyi").is_file()
table = rc.sweep(
    lambda samples: (rc.models.SparseRegression(dimension=40, samples=samples, sparsity=2), rc.solvers.OMP()),
    {"samples": [30]}, trials=2,
)
assert (table.frame["error"] < 1e-3).all()
"""


def test_types_are_those_of_strict_research_code(tmp_path):
    settings = {
        "include": [str(HERE / "typed_use.py")],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--project", str(tmp_path), "--pythonpath", sys.executable]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_a_wheel_works_in_an_environment_of_its_own(tmp_path):
    # A build writes beside its sources.
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "recover", source / "recover", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(source)], check=True)
    (wheel,) = tmp_path.glob("recover_jax-*.whl")
    venv.create(tmp_path / "environment", with_pip=True)
    python = str(tmp_path / "environment" / "bin" / "python")
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([python, *pip[1:], "install", *constraints, str(wheel)], check=True)
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "XLA_FLAGS")}
    subprocess.run([python, "-c", USE], check=True, cwd=tmp_path, env=clean)
