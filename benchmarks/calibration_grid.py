"""A grid of blind calibrations with fixed steps: this engine against a plain NumPy loop of the same iterations."""

import itertools

import numpy as np

import recover as rc

from .machine import shares
from .measure import named, timed_loop, timed_sweep, traced_once

DIMENSION = 64
STEPS = 100


def cell(gain_spread, sensors, snapshots):
    """Projected gradient descent without a stopping rule, so that both sides do the same arithmetic."""
    model = rc.models.BlindCalibration(DIMENSION, sensors, snapshots, gain_spread)
    return model, rc.solvers.BlindCalibrationPGD(tolerance=-1.0, patience=0)


def numpy_descent(matrix, y, spread, steps):
    """The same iteration, as one writes it in NumPy; the products are carried along here too."""
    snapshots, sensors = y.shape
    samples = y.size
    x = matrix.T @ y.ravel() / samples
    gains = np.ones(sensors, np.float32)
    products = (matrix @ x).reshape(snapshots, sensors)
    for _ in range(steps):
        residual = gains * products - y
        direction = matrix.T @ (gains * residual).ravel() / samples
        turn = (products * residual).sum(0) / samples
        turn -= turn.mean()
        change = (matrix @ direction).reshape(snapshots, sensors)
        # Below the counting limit an instance can be solved exactly; the guard is one of the iteration's.
        step_signal = samples * np.sum(direction**2) / max(np.sum((gains * change) ** 2), 1e-30)
        step_gains = samples * np.sum(turn**2) / max(np.sum((products * turn) ** 2), 1e-30)
        x = x - step_signal * direction
        products = products - step_signal * change
        gains = 1 + _project(gains - step_gains * turn - 1, spread)
    return x, gains


def _project(excess, spread):
    if np.max(np.abs(excess)) <= spread:
        return excess
    low, high = excess.min() - spread, excess.max() + spread
    for _ in range(30):
        shift = (low + high) / 2
        low, high = (shift, high) if np.clip(excess - shift, -spread, spread).sum() > 0 else (low, shift)
    return np.clip(excess - shift, -spread, spread)


def instance(cell, random):
    """Draws, observes and solves one instance of a cell; returns whether the signal was found."""
    spread, sensors, snapshots = cell
    matrix = random.standard_normal((snapshots * sensors, DIMENSION), np.float32)
    truth = random.standard_normal(DIMENSION, np.float32)
    truth /= np.linalg.norm(truth)
    excess = random.uniform(-1, 1, sensors).astype(np.float32)
    excess -= excess.mean()
    excess *= np.float32(spread) / np.abs(excess).max()
    observations = (1 + excess) * (matrix @ truth).reshape(snapshots, sensors)
    x, _ = numpy_descent(matrix, observations, np.float32(spread), STEPS)
    return bool(np.linalg.norm(x - truth) < 1e-3)


def run(full: bool = False) -> dict:
    """Measures both sides in one run.

    `ratio_to_numpy` is instances per core-second over those of the loop; `share_of_*` count the useful arithmetic
    (rows that are data); `recovered` and `numpy_recovered` the shares of instances
    whose signal was found, which should agree. One trace serves the whole grid: a second one raises.
    """
    axes = {
        "gain_spread": [0.01, 0.1, 0.5, 0.9],
        "sensors": [int(m) for m in np.linspace(16, 64, 13).round()],
        "snapshots": list(range(2, 10)),
    }
    with traced_once():
        table, numbers = timed_sweep(cell, axes, trials=16 if full else 4, max_steps=STEPS)
    flops = 4 * DIMENSION * STEPS * float((table.frame["sensors"] * table.frame["snapshots"]).mean())
    bounds = shares(flops, numbers)
    loop, recovered = timed_loop(list(itertools.product(*axes.values())), instance, seconds=20.0 if full else 8.0)
    return {
        **numbers,
        **named("numpy", loop),
        "ratio_to_numpy": numbers["per_core_second"] / loop["per_core_second"],
        "wall_ratio_to_numpy": numbers["per_second"] / loop["per_second"],
        **bounds,
        "recovered": float((table.frame["signal_error"] < 1e-3).mean()),
        "numpy_recovered": float(np.mean(recovered)),
    }
