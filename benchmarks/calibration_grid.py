"""A grid of blind calibrations with fixed steps: this engine against a plain NumPy loop of the same iterations."""

import time

import chex
import numpy as np
import threadpoolctl

import recover as rc
from recover.sweeps import program

from .machine import matrix_product_speed

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


def numpy_rate(axes, seconds: float = 10.0) -> tuple[float, float]:
    """Instances per second of a loop that draws and solves one after another, and the share of them recovered."""
    random = np.random.default_rng(0)
    cells = [(r, m, p) for r in axes["gain_spread"] for m in axes["sensors"] for p in axes["snapshots"]]
    random.shuffle(cells)
    count, solved, started = 0, 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        spread, sensors, snapshots = cells[count % len(cells)]
        sensors, snapshots = int(sensors), int(snapshots)
        matrix = random.standard_normal((snapshots * sensors, DIMENSION), np.float32)
        truth = random.standard_normal(DIMENSION, np.float32)
        truth /= np.linalg.norm(truth)
        excess = random.uniform(-1, 1, sensors).astype(np.float32)
        excess -= excess.mean()
        excess *= np.float32(spread) / np.abs(excess).max()
        observations = (1 + excess) * (matrix @ truth).reshape(snapshots, sensors)
        x, _ = numpy_descent(matrix, observations, np.float32(spread), STEPS)
        solved += np.linalg.norm(x - truth) < 1e-3
        count += 1
    return count / (time.perf_counter() - started), solved / count


def run(trials: int = 4) -> dict[str, float]:
    """Measures both sides in one run.

    `ratio` is ours over NumPy in instances per second, compilation apart; `traces` how often the program was traced;
    `share_of_peak` the useful arithmetic (rows that are data) over the speed of a plain matrix product;
    `recovered` and `numpy_recovered` the shares of instances whose signal was found, which should agree.
    """
    axes = {
        "gain_spread": [0.01, 0.1, 0.5, 0.9],
        "sensors": [int(m) for m in np.linspace(16, 64, 13).round()],
        "snapshots": list(range(2, 10)),
    }
    # Threads cost more than they bring in products this small, above all on a busy machine: NumPy gets the better of both.
    with threadpoolctl.threadpool_limits(1):
        single, numpy_recovered = numpy_rate(axes)
    numpy = max(single, numpy_rate(axes)[0])
    chex.clear_trace_counter()
    original = program.block_rows
    program.block_rows = chex.assert_max_traces(original, n=1)
    try:
        table = rc.sweep(cell, axes, trials=trials, max_steps=STEPS)
    finally:
        program.block_rows = original
    record = table.provenance
    seconds = float(record["run_seconds"].sum())
    ours = len(table.frame) / seconds
    flops = 4 * DIMENSION * STEPS * float((table.frame["sensors"] * table.frame["snapshots"]).sum()) / seconds
    return {
        "cells": len(table.frame) // trials,
        "numpy_per_second": numpy,
        "ours_per_second": ours,
        "ratio": ours / numpy,
        "compile_seconds": float(record["compile_seconds"].sum()),
        "traces": 1.0,
        "share_of_peak": flops / matrix_product_speed(),
        "recovered": float((table.frame["signal_error"] < 1e-3).mean()),
        "numpy_recovered": float(numpy_recovered),
    }
