"""Packages that only run in an environment of their own: made here, handed instances in a file, asked for JSON."""

import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).parent


class Unavailable(Exception):
    """Why a package could not be measured; a sentence for the user."""


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A package outside: what to install (`<name>.txt`) and the script that runs in its environment."""

    name: str
    package: str
    script: str


PACKAGES = (Foreign("magni", "Magni", "magni_amp.py"), Foreign("cr_sparse", "cr-sparse", "cr_sparse_omp.py"))


def environment(foreign: Foreign, folder: pathlib.Path) -> pathlib.Path:
    """The Python of the package's environment, which is made on the first call and again when its requirements change.

    **Raises:** `Unavailable` when it cannot be made, for instance without a network.
    """
    requirements = HERE / f"{foreign.name}.txt"
    home = folder / foreign.name
    python = home / "bin" / "python"
    stamp, digest = home / "installed", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return python
    _ask([sys.executable, "-m", "venv", str(home)], foreign, "its environment cannot be made")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _ask([*install, "--requirement", str(requirements)], foreign, "its requirements cannot be installed")
    stamp.write_text(digest)
    return python


def _ask(command: list[str], foreign: Foreign, complaint: str, seconds: int = 900) -> str:
    try:
        # One thread for products this small, as for the loops in NumPy; more only spin.
        alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(command, env=alone, capture_output=True, text=True, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{foreign.package}: {complaint} ({error}).") from None
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no message"]
        raise Unavailable(f"{foreign.package}: {complaint}. The last message was: {errors[-1].strip()}")
    return done.stdout


def measure(foreign: Foreign, python: pathlib.Path, seconds: int = 600, **arrays) -> dict:
    """Hands the arrays over and returns what the script printed.

    **Raises:** `Unavailable` when the script fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "instances.npz"
        np.savez(path, **arrays)
        printed = _ask([str(python), str(HERE / foreign.script), str(path)], foreign, "its script failed", seconds)
    try:
        return json.loads(printed.strip().splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        raise Unavailable(f"{foreign.package}: its script printed no result.") from None
