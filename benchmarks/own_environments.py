"""Magni and cr-sparse, each in an environment of its own, on the instances that our solvers get (`make bench-peers`)."""

import functools
import pathlib

import numpy as np

import recover as rc

from . import foreign, peers
from .measure import Spent, speed

MAX_STEPS = 300


def compare(package: foreign.Foreign, python: pathlib.Path, count: int, shared: bool) -> dict:
    """One package and ours on the same noiseless instances; nobody draws."""
    designs, observations, truths = peers.instances(count, 0.0, shared)
    if package.name == "cr_sparse":
        # Its Cholesky factors take columns to have norm one exactly.
        designs, truths = peers.with_unit_columns(designs, truths)
    arrays = {"designs": designs, "observations": observations, "truths": truths}
    numbers = foreign.measure(package, python, **arrays, max_steps=MAX_STEPS, sparsity=peers.SPARSITY)
    spent = Spent(numbers["seconds"], numbers["core_seconds"])
    solver = rc.solvers.AMP() if package.name == "magni" else rc.solvers.OMP(peers.SPARSITY)
    estimates, own = peers.ours(solver, designs, observations, MAX_STEPS)
    errors = np.linalg.norm(estimates - truths, axis=1) / np.linalg.norm(truths, axis=1)
    theirs = speed(count, spent)
    return {
        "package": package.package,
        "solver": type(solver).__name__,
        "designs": "shared" if shared else "own",
        "per_second": theirs["per_second"],
        "per_core_second": theirs["per_core_second"],
        "compile_seconds": numbers.get("compile_seconds", 0.0),
        "recovered": float(np.mean(np.asarray(numbers["errors"]) < 1e-3)),
        "error": float(np.median(numbers["errors"])),
        "our_per_core_second": own["per_core_second"],
        "our_recovered": float(np.mean(errors < 1e-3)),
        "our_error": float(np.median(errors)),
        "ours_over_theirs": own["per_core_second"] / theirs["per_core_second"],
    }


def run(full: bool = False, folder: str = ".cache/peers") -> dict:
    """Makes the environments where they are missing and measures; a package that cannot be had is left out."""
    numbers: dict = {"points": []}
    complaints = []
    for package in foreign.PACKAGES:
        try:
            python = foreign.environment(package, pathlib.Path(folder).resolve())
            measured = functools.partial(compare, package, python, 512 if full else 128)
            for row in (measured(shared=False), measured(shared=True)):
                numbers["points"].append(row)
                numbers[f"ratio_{package.name}_{row['designs']}"] = row["ours_over_theirs"]
        except foreign.Unavailable as reason:
            complaints.append(str(reason))
    if complaints:
        numbers["skipped"] = " ".join(complaints)
    return numbers
