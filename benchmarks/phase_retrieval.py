"""A grid of phase retrieval: this engine against a plain NumPy loop of the same reweighted amplitude flow with the same start."""

import itertools

import numpy as np

import recover as rc

from .measure import named, timed_loop, timed_sweep, traced_once

DIMENSION = 64
STEPS = 600
TOLERANCE, PATIENCE = 1e-5, 500
STEP_SIZE = 5.0


def cell(samples, offset):
    """Complex signals, from the minimal-threshold start until a step says so."""
    loss = rc.phaseless_losses.ReweightedAmplitudeLoss(STEP_SIZE, offset)
    solver = rc.solvers.PhaselessFlow(loss, tolerance=TOLERANCE, patience=PATIENCE)
    return rc.models.PhaseRetrieval(DIMENSION, samples), solver


def spectral_start(matrix, b):
    """The leading eigenvector of the minimal-threshold preprocessing, as one writes it."""
    rows, columns = matrix.shape
    y = b**2 / np.mean(b**2)
    weights = (y - 1) / (y + np.sqrt(rows / columns) - 1)
    _, vectors = np.linalg.eigh(matrix.conj().T @ (weights[:, None] * matrix))
    return vectors[:, -1] * np.sqrt(np.mean(b**2))


def numpy_flow(matrix, b, x, offset, steps=STEPS):
    """The same iteration with the same stopping rule; returns the signal and how many steps it took."""
    adjoint, rows, size_of_b = matrix.conj().T.copy(), len(b), np.linalg.norm(b)
    z = matrix @ x
    best, since, step = np.inf, 0, 0
    while step < steps:
        step += 1
        size = np.abs(z)
        weight = size / (size + np.float32(offset) * b)
        gap = z - b * (z / np.maximum(size, 1e-30))
        moved = np.float32(STEP_SIZE / rows) * (adjoint @ (weight * gap))
        x = x - moved
        z = matrix @ x
        mismatch = np.linalg.norm(b - np.abs(z)) / size_of_b
        best, since = (mismatch, 0) if mismatch < 0.99 * best else (best, since + 1)
        if min(mismatch, 30 * np.linalg.norm(moved) / np.linalg.norm(x)) <= TOLERANCE or since >= PATIENCE:
            break
    return x, step


def instance(point, random):
    """Draws, observes and solves one instance of a cell; returns whether the signal was found."""
    samples, offset = point
    matrix, truth = (_complex(random, *shape) for shape in ((samples, DIMENSION), (DIMENSION,)))
    b = np.abs(matrix @ truth)
    x, _ = numpy_flow(matrix, b, spectral_start(matrix, b), offset)
    turn = np.vdot(x, truth)
    return bool(np.linalg.norm(x * turn / abs(turn) - truth) < 1e-3 * np.linalg.norm(truth))


def _complex(random, *shape):
    parts = random.standard_normal((2, *shape), np.float32) * np.float32(0.5**0.5)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def run(full: bool = False) -> dict:
    """Measures both sides in one run; `recovered` and `numpy_recovered`, shares of instances, should agree."""
    axes = {"samples": [int(m) for m in np.linspace(2, 6, 33) * DIMENSION], "offset": [4.0, 6.0, 9.0, 14.0, 20.0]}
    with traced_once():
        table, numbers = timed_sweep(cell, axes, trials=64 if full else 10, max_steps=STEPS)
    loop, recovered = timed_loop(list(itertools.product(*axes.values())), instance, seconds=20.0 if full else 8.0)
    return {
        **numbers,
        **named("numpy", loop),
        "ratio_to_numpy": numbers["per_core_second"] / loop["per_core_second"],
        "wall_ratio_to_numpy": numbers["per_second"] / loop["per_second"],
        "recovered": float((table.frame["error"] < 1e-3).mean()),
        "numpy_recovered": float(np.mean(recovered)),
    }
