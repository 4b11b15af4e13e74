"""The first solve of every solver of a linear problem: what a user waits for, compilation included."""

import inspect
import time

import jax
import numpy as np

import recover as rc
from recover.core.solver import problem_kinds

ROWS, COLUMNS, SPARSITY = 100, 200, 10


def linear_solvers() -> dict[str, type]:
    """The public solvers of linear problems that can be made without arguments."""
    found = {name: getattr(rc.solvers, name) for name in rc.solvers.__all__}
    return {
        name: kind
        for name, kind in found.items()
        if rc.LinearProblem in problem_kinds(kind) and not inspect.isabstract(kind) and _made(kind) is not None
    }


def run(full: bool = False) -> dict:
    """Seconds of the first and of the second solve, one solver after another, each without what the ones before it compiled."""
    jax.config.update("jax_enable_compilation_cache", False)
    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((ROWS, COLUMNS)).astype(np.float32) / np.float32(ROWS**0.5)
    truth = np.zeros(COLUMNS, np.float32)
    truth[generator.permutation(COLUMNS)[:SPARSITY]] = generator.standard_normal(SPARSITY)
    problem = rc.LinearProblem(matrix, matrix @ truth, sparsity=SPARSITY)
    points = []
    for name, kind in linear_solvers().items():
        jax.clear_caches()
        first, second = (_seconds(problem, _made(kind)) for _ in range(2))
        points.append({"solver": name, "first_seconds": first, "second_seconds": second})
    return {"first_seconds": max(point["first_seconds"] for point in points), "points": points}


def _made(kind: type):
    try:
        return kind()
    except (TypeError, ValueError):
        return None


def _seconds(problem, solver) -> float:
    began = time.perf_counter()
    jax.block_until_ready(rc.solve(problem, solver, max_steps=2000).value)
    return time.perf_counter() - began
