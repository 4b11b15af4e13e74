"""A grid of AMP instances with fixed steps: this engine against plain NumPy loops of the same iterations."""

import itertools

import numpy as np

import recover as rc

from .loops import amp_instance, careful_amp, minimax_multiplier, plain_amp
from .machine import shares
from .measure import named, timed_loop, timed_sweep, traced_once

DIMENSION = 400
STEPS = 100


def cell(samples, sparsity, dimension=DIMENSION):
    """AMP without a stopping rule, so that both sides do the same arithmetic."""
    model = rc.models.SparseRegression(dimension, samples, sparsity)
    return model, rc.solvers.AMP(relaxation=1.0, tolerance=-1.0, patience=0)


def grid(points: int) -> dict[str, list[int]]:
    """From half as many samples as coefficients on."""
    return {
        "samples": [int(m) for m in np.linspace(200, 400, points).round()],
        "sparsity": [int(k) for k in np.linspace(2, 190, points).round()],
    }


def engine(points: int, trials: int) -> dict[str, float]:
    """The engine by itself. One trace serves the whole grid: a second one raises.

    `share_of_*` count the arithmetic done, padded rows included; `share_useful` is the part of it that is not padding.
    """
    axes = grid(points)
    with traced_once():
        table, numbers = timed_sweep(cell, axes, trials=trials, max_steps=STEPS)
    return {
        **numbers,
        **shares(4 * DIMENSION * STEPS * max(axes["samples"]), numbers),
        "share_useful": float(table.frame["samples"].mean()) / max(axes["samples"]),
    }


def run(full: bool = False) -> dict:
    """Measures all sides in one run; `ratio_to_plain` and `ratio_to_careful` are instances per core-second."""
    numbers = engine(points=32, trials=16 if full else 8)
    cells = list(itertools.product(*grid(32).values()))
    for samples, _ in cells:
        minimax_multiplier(samples, DIMENSION)
    # Only now NumPy: its threads, once woken, were seen to take half of the machine from whatever comes after them.
    for name, amp in {"plain": plain_amp, "careful": careful_amp}.items():
        loop, _ = timed_loop(cells, amp_instance(amp, DIMENSION, STEPS), seconds=12.0 if full else 5.0)
        numbers |= named(f"numpy_{name}", loop)
        numbers[f"ratio_to_{name}"] = numbers["per_core_second"] / loop["per_core_second"]
        numbers[f"wall_ratio_to_{name}"] = numbers["per_second"] / loop["per_second"]
    return numbers
