"""A grid of AMP instances with fixed steps: this engine against a plain NumPy loop of the same iterations."""

import time

import chex
import numpy as np

import recover as rc
from recover.sweeps import program

from .machine import matrix_product_speed

DIMENSION = 400
STEPS = 100


def cell(samples, sparsity):
    """AMP without a stopping rule, so that both sides do the same arithmetic."""
    model = rc.models.SparseRegression(DIMENSION, samples, sparsity)
    return model, rc.solvers.AMP(damping=1.0, tolerance=-1.0, patience=0)


def plain_amp(matrix, y, multiplier, steps):
    """The same iteration, as one writes it in NumPy without a thought for types.

    `np.count_nonzero` returns an int64, which promotes the float32 residual to float64, and every product with it.
    """
    samples = len(y)
    x, z = np.zeros(matrix.shape[1], y.dtype), y
    for _ in range(steps):
        tau = np.sqrt(np.sum(z**2) / samples)
        r = x + matrix.T @ z
        x = np.sign(r) * np.maximum(np.abs(r) - multiplier * tau, 0)
        z = y - matrix @ x + z * np.count_nonzero(x) / samples
    return x


def careful_amp(matrix, y, multiplier, steps):
    """The same iteration with every number kept in the precision of the data."""
    real = y.dtype.type
    inverse = real(1 / len(y))
    multiplier = real(multiplier)
    x, z = np.zeros(matrix.shape[1], y.dtype), y
    for _ in range(steps):
        threshold = multiplier * np.sqrt(np.dot(z, z) * inverse)
        r = x + matrix.T @ z
        x = r - np.clip(r, -threshold, threshold)
        z = y - matrix @ x + z * (real(np.count_nonzero(x)) * inverse)
    return x


def numpy_rate(axes, amp, seconds: float = 6.0) -> float:
    """Instances per second of a loop that draws, observes and solves one instance after another in float32."""
    random = np.random.default_rng(0)
    multipliers = {m: float(rc.theory.minimax_threshold(m / DIMENSION)) for m in axes["samples"]}
    cells = [(m, k) for m in axes["samples"] for k in axes["sparsity"]]
    random.shuffle(cells)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        samples, sparsity = cells[count % len(cells)]
        matrix = random.standard_normal((samples, DIMENSION), np.float32) / np.float32(np.sqrt(samples))
        truth = np.zeros(DIMENSION, np.float32)
        truth[random.choice(DIMENSION, sparsity, replace=False)] = random.standard_normal(sparsity)
        amp(matrix, matrix @ truth, multipliers[samples], STEPS)
        count += 1
    return count / (time.perf_counter() - started)


def run(trials: int = 4) -> dict[str, float]:
    """Measures both sides in one run, in instances per second.

    `ratio_to_plain` and `ratio_to_careful` are ours, compilation apart, over the two NumPy loops. `share_of_peak` is the
    arithmetic done, padded rows included, over the speed of a plain matrix product; `share_useful` the part of it that
    is not padding. One trace serves the whole grid: a second one raises.
    """
    axes = {
        "samples": [int(m) for m in np.linspace(200, 400, 32).round()],
        "sparsity": [int(k) for k in np.linspace(2, 190, 32).round()],
    }
    original = program.block_rows
    program.block_rows = chex.assert_max_traces(original, n=1)
    try:
        # The first sweep compiles; the second is timed, warm, on other instances.
        compile_seconds = float(
            rc.sweep(cell, axes, trials=trials, max_steps=STEPS).provenance["compile_seconds"].sum()
        )
        table = rc.sweep(cell, axes, trials=trials, seed=1, max_steps=STEPS)
    finally:
        program.block_rows = original
    # Only now NumPy: its threads, once woken, were seen to take half of the machine from whatever comes after them.
    peak = matrix_product_speed()
    plain, careful = numpy_rate(axes, plain_amp), numpy_rate(axes, careful_amp)
    seconds = float(table.provenance["run_seconds"].sum())
    ours = len(table.frame) / seconds
    flops = 4 * DIMENSION * STEPS * max(axes["samples"]) * len(table.frame) / seconds
    return {
        "cells": len(axes["samples"]) * len(axes["sparsity"]),
        "plain_numpy_per_second": plain,
        "careful_numpy_per_second": careful,
        "ours_per_second": ours,
        "ratio_to_plain": ours / plain,
        "ratio_to_careful": ours / careful,
        "compile_seconds": compile_seconds,
        "share_of_peak": flops / peak,
        "share_useful": float(table.frame["samples"].mean()) / max(axes["samples"]),
    }
