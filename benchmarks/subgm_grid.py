"""A grid of sub-gradient runs over samples and corruption: this engine against a NumPy loop of the same iterations."""

import itertools

import numpy as np

import recover as rc

from .machine import shares
from .measure import named, timed_loop, timed_sweep

STEPS = 100
STEP, RATIO, SCALE = 0.3, 0.99, 1e-6


def make_cell(dimension, rank):
    """The sub-gradient method without a stopping rule, so that both sides take the same steps."""

    def cell(samples, corruption):
        model = rc.models.MatrixSensing(dimension, rank, samples, corruption=corruption)
        step = rc.steps.geometric(STEP, RATIO)
        return model, rc.solvers.SubgradientMethod(dimension, SCALE, step, tolerance=-1.0, patience=0)

    return cell


def numpy_subgradient(matrices, y, steps):
    """The same iteration, as one writes it in NumPy: matrices of shape (samples, dimension squared)."""
    samples, d = len(y), int(np.sqrt(matrices.shape[1]))
    start = (matrices.T @ np.sign(y)).reshape(d, d) / samples
    values, vectors = np.linalg.eigh((start + start.T) / 2)
    factor = np.float32(SCALE) * vectors * np.sqrt(np.maximum(values, 0))
    for t in range(steps):
        residual = matrices @ (factor @ factor.T).ravel() - y
        direction = (matrices.T @ np.sign(residual)).reshape(d, d)
        factor = factor - np.float32(STEP * RATIO**t / samples) * ((direction + direction.T) @ factor)
    return factor


def instance(dimension: int, rank: int):
    """A function that draws, observes and solves one instance of a cell; it returns the relative error."""

    def solve_one(cell, random):
        samples, corruption = cell
        basis = np.linalg.qr(random.standard_normal((dimension, rank), np.float32))[0]
        truth = basis @ basis.T
        matrices = random.standard_normal((samples, dimension**2), np.float32)
        outliers = 10 * random.standard_normal(samples, np.float32) * (random.uniform(size=samples) < corruption)
        factor = numpy_subgradient(matrices, matrices @ truth.ravel() + outliers.astype(np.float32), STEPS)
        return float(np.linalg.norm(factor @ factor.T - truth) / np.linalg.norm(truth))

    return solve_one


def measure(dimension: int, rank: int, points: int, trials: int, seconds: float) -> dict[str, float]:
    """Measures both sides in one run, at two to ten times as many samples as free parameters, draws included on both.

    `ratio_to_numpy` is instances per core-second over those of the loop; `share_of_*` count the useful arithmetic
    (rows that are data); `*median_error` the median relative error of either side.
    """
    axes = {
        "samples": [int(m) for m in np.linspace(2 * dimension * rank, 10 * dimension * rank, points).round()],
        "corruption": [float(p) for p in np.linspace(0, 0.6, points)],
    }
    table, numbers = timed_sweep(make_cell(dimension, rank), axes, trials=trials, max_steps=STEPS)
    # Two products a step with a matrix of (samples, coordinates of a symmetric matrix).
    flops = 4 * (dimension * (dimension + 1) // 2) * STEPS * float(table.frame["samples"].mean())
    bounds = shares(flops, numbers)
    loop, errors = timed_loop(list(itertools.product(*axes.values())), instance(dimension, rank), seconds)
    return {
        "dimension": dimension,
        **numbers,
        **named("numpy", loop),
        "ratio_to_numpy": numbers["per_core_second"] / loop["per_core_second"],
        "wall_ratio_to_numpy": numbers["per_second"] / loop["per_second"],
        **bounds,
        "median_error": float(table.frame["error"].median()),
        "numpy_median_error": float(np.median(errors)),
    }


def run(full: bool = False) -> dict:
    """At dimension 50 and rank 5."""
    return measure(50, 5, points=16, trials=16 if full else 4, seconds=30.0 if full else 10.0)


def run_small(full: bool = False) -> dict:
    """At dimension 20 and rank 3, where what surrounds the products weighs more."""
    return measure(20, 3, points=32, trials=64 if full else 32, seconds=20.0 if full else 5.0)
