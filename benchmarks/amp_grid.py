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


def numpy_amp(matrix, y, multiplier, steps):
    """The same iteration, as one writes it in NumPy."""
    samples = len(y)
    x, z = np.zeros(matrix.shape[1], np.float32), y
    for _ in range(steps):
        tau = np.sqrt(np.sum(z**2) / samples)
        r = x + matrix.T @ z
        x = np.sign(r) * np.maximum(np.abs(r) - multiplier * tau, 0)
        z = y - matrix @ x + z * np.count_nonzero(x) / samples
    return x


def numpy_rate(axes, seconds: float = 10.0) -> float:
    """Instances per second of a loop that draws, observes and solves one instance after another."""
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
        numpy_amp(matrix, matrix @ truth, multipliers[samples], STEPS)
        count += 1
    return count / (time.perf_counter() - started)


def run(trials: int = 2) -> dict[str, float]:
    """Measures both sides in one run.

    `ratio` is ours over NumPy in instances per second, compilation apart; `traces` how often the program was traced;
    `share_of_peak` the useful arithmetic (rows that are data) over the speed of a plain matrix product.
    """
    axes = {
        "samples": [int(m) for m in np.linspace(40, 400, 32).round()],
        "sparsity": [int(k) for k in np.linspace(2, 190, 32).round()],
    }
    numpy = numpy_rate(axes)
    chex.clear_trace_counter()
    original = program.block_rows
    program.block_rows = chex.assert_max_traces(original, n=1)
    try:
        table = rc.sweep(cell, axes, trials=trials, max_steps=STEPS)
    finally:
        program.block_rows = original
    record = table.provenance
    ours = len(table.frame) / float(record["run_seconds"].sum())
    flops = 4 * DIMENSION * STEPS * float(table.frame["samples"].sum()) / float(record["run_seconds"].sum())
    return {
        "cells": len(axes["samples"]) * len(axes["sparsity"]),
        "numpy_per_second": numpy,
        "ours_per_second": ours,
        "ratio": ours / numpy,
        "compile_seconds": float(record["compile_seconds"].sum()),
        "traces": 1.0,
        "share_of_peak": flops / matrix_product_speed(),
    }
