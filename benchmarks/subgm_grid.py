"""A grid of sub-gradient runs over samples and corruption: this engine against a NumPy loop of the same iterations."""

import time

import chex
import numpy as np

import recover as rc
from recover.sweeps import program

from .machine import matrix_product_speed

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


def numpy_rate(axes, dimension: int, rank: int, seconds: float = 10.0) -> float:
    """Instances per second of a loop that draws, observes and solves one instance after another."""
    random = np.random.default_rng(0)
    cells = [(m, p) for m in axes["samples"] for p in axes["corruption"]]
    random.shuffle(cells)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        samples, corruption = int(cells[count % len(cells)][0]), cells[count % len(cells)][1]
        basis = np.linalg.qr(random.standard_normal((dimension, rank), np.float32))[0]
        matrices = random.standard_normal((samples, dimension**2), np.float32)
        outliers = 10 * random.standard_normal(samples, np.float32) * (random.uniform(size=samples) < corruption)
        y = matrices @ (basis @ basis.T).ravel() + outliers.astype(np.float32)
        numpy_subgradient(matrices, y, STEPS)
        count += 1
    return count / (time.perf_counter() - started)


def run(dimension: int = 50, rank: int = 5, points: int = 8, trials: int = 2) -> dict[str, float]:
    """Measures both sides in one run, at two to ten times as many samples as free parameters.

    `ratio` is ours over NumPy in instances per second, compilation apart; `traces` how often the program was traced;
    `share_of_peak` the useful arithmetic (rows that are data) over the speed of a plain matrix product.
    """
    axes = {
        "samples": [int(m) for m in np.linspace(2 * dimension * rank, 10 * dimension * rank, points).round()],
        "corruption": [float(p) for p in np.linspace(0, 0.6, points)],
    }
    numpy = numpy_rate(axes, dimension, rank)
    chex.clear_trace_counter()
    original = program.block_rows
    program.block_rows = chex.assert_max_traces(original, n=1)
    try:
        table = rc.sweep(make_cell(dimension, rank), axes, trials=trials, max_steps=STEPS)
    finally:
        program.block_rows = original
    record = table.provenance
    seconds = float(record["run_seconds"].sum())
    ours = len(table.frame) / seconds
    # Two products a step with a matrix of (samples, coordinates of a symmetric matrix).
    flops = 4 * (dimension * (dimension + 1) // 2) * STEPS * float(table.frame["samples"].sum()) / seconds
    return {
        "dimension": dimension,
        "cells": points**2,
        "numpy_per_second": numpy,
        "ours_per_second": ours,
        "ratio": ours / numpy,
        "compile_seconds": float(record["compile_seconds"].sum()),
        "traces": 1.0,
        "share_of_peak": flops / matrix_product_speed(),
    }
