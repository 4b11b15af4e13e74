"""The transition of AMP along the sparsity: a full grid against a trace, for an interval as narrow."""

import time

import numpy as np

import recover as rc

DIMENSION, SAMPLES = 400, 200
BELOW, STEPS = 1e-3, 300


def cell(sparsity):
    """AMP on noiseless Gaussian measurements."""
    return rc.models.SparseRegression(DIMENSION, SAMPLES, sparsity), rc.solvers.AMP()


def run(full: bool = False, points: int = 32, trials: int = 50) -> dict[str, float]:
    """Instances and interval widths of both; the trace is asked for the width that the grid reached.

    Traces are repeated with different seeds, and once more each with the Donoho-Tanner transition as a guess. The two
    intervals of a repetition come from different seeds, so that their overlap is a check.
    """
    repetitions = 20 if full else 5
    sparsities = np.unique(np.linspace(2, 190, points).round()).astype(int).tolist()
    theory = SAMPLES * float(rc.theory.donoho_tanner_weak(SAMPLES / DIMENSION))
    started = time.perf_counter()
    grid = rc.sweep(cell, {"sparsity": sparsities}, trials=trials, seed=0, max_steps=STEPS, progress=False)
    full = grid.boundary("sparsity", below=BELOW).iloc[0]
    grid_seconds = time.perf_counter() - started
    width = float(full["high"] - full["low"])

    def traced(seed, start):
        return rc.trace_boundary(
            cell, along={"sparsity": range(2, 191)}, width=width, below=BELOW, start=start, seed=seed,
            max_steps=STEPS, progress=False,
        )  # fmt: skip

    traced(repetitions + 1, None)  # compiles
    started = time.perf_counter()
    plain = [traced(seed, None) for seed in range(1, repetitions + 1)]
    trace_seconds = (time.perf_counter() - started) / repetitions
    guided = [traced(seed, theory) for seed in range(1, repetitions + 1)]
    rows = [trace.curves.iloc[0] for trace in plain]
    used = float(np.mean([trace.instances for trace in plain]))
    return {
        "grid_instances": float(len(grid.frame)),
        "grid_width": width,
        "grid_boundary": float(full["boundary"]),
        "grid_seconds_with_compilation": grid_seconds,
        "trace_instances": used,
        "trace_instances_with_theory": float(np.mean([trace.instances for trace in guided])),
        "trace_width": float(np.mean([row["high"] - row["low"] for row in rows])),
        "trace_boundary": float(np.mean([row["boundary"] for row in rows])),
        "trace_seconds": trace_seconds,
        "overlapping": float(np.mean([row["low"] <= full["high"] and full["low"] <= row["high"] for row in rows])),
        "ratio_of_instances": len(grid.frame) / used,
    }
