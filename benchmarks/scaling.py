"""How the cost of an instance grows with the dimension, with the number of instances, and with the number of devices."""

import functools
import os

import numpy as np

import recover as rc

from . import amp_grid
from .isolated import isolated
from .machine import shares
from .measure import speed, stopwatch, timed_sweep

FIXED_STEPS = 100


def _spread(lowest: float, highest: float, points: int) -> list[int]:
    return [int(value) for value in np.linspace(lowest, highest, points).round()]


def dimension(full: bool = False) -> dict:
    """Fixed steps at 0.4 ... 0.6 samples per coefficient, designs shared by 64 cells: seconds per instance, and share of peak.

    `growth` is the cost of an instance over that at the smallest dimension, `arithmetic` what the products predict.
    """
    points = []
    for n in (100, 200, 400, 1000, 2000, 4000) if full else (100, 200, 400, 1000):
        axes = {"samples": _spread(0.4 * n, 0.6 * n, 4), "sparsity": _spread(0.02 * n, 0.25 * n, 16)}
        cell = functools.partial(amp_grid.cell, dimension=n)
        flops = 4 * n * max(axes["samples"]) * FIXED_STEPS
        trials = int(np.clip(4e11 / (64 * flops), 1, 64))
        _, numbers = timed_sweep(cell, axes, trials=trials, max_steps=FIXED_STEPS)
        points.append(
            {
                "dimension": n,
                "instances": numbers["instances"],
                "per_second": numbers["per_second"],
                "per_core_second": numbers["per_core_second"],
                "compile_seconds": numbers["compile_seconds"],
                **shares(flops, numbers),
                "growth": points[0]["per_core_second"] / numbers["per_core_second"] if points else 1.0,
                "arithmetic": (n / points[0]["dimension"]) ** 2 if points else 1.0,
            }
        )
    return {"points": points}


def small_cell(samples, sparsity):
    """A phase diagram at dimension 100."""
    return rc.models.SparseRegression(100, samples, sparsity), rc.solvers.AMP()


def small_axes(points: int) -> dict[str, list[int]]:
    """From a tenth as many samples as coefficients on."""
    return {"samples": _spread(10, 100, points), "sparsity": _spread(1, 50, points)}


def cells(full: bool = False) -> dict:
    """A phase diagram at dimension 100, at most 300 steps, with more and more instances: seconds per instance.

    `ratio_at_scale` is the cost of a step of an instance among a thousand over that among the most; the arithmetic says 1.
    """
    points = []
    for side, trials in ((10, 1), (32, 1), (32, 10), (32, 100), (32, 1000))[: 5 if full else 4]:
        points.append(timed_sweep(small_cell, small_axes(side), trials=trials, max_steps=300)[1])
    cost = [1 / (point["per_core_second"] * point["mean_steps"]) for point in points]
    return {"points": points, "ratio_at_scale": cost[1] / cost[-1]}


def million(full: bool = False) -> dict:
    """One sweep of a million instances (otherwise of a hundred thousand), from the call to the table, compilation included.

    `peak_memory` is that of the whole process.
    """
    with stopwatch() as spent:
        table = rc.sweep(small_cell, small_axes(32), trials=1000 if full else 100, max_steps=300)
    count = len(table.frame)
    return {"instances": count, "seconds": spent.seconds, "core_seconds": spent.core_seconds, **speed(count, spent)}


def devices(full: bool = False) -> dict:
    """The grid of `amp_grid` spread over 1, 2, 4, 8 virtual devices, each count in a process of its own.

    Virtual devices share the machine's cores, so the best to hope for is that nothing is lost.
    """
    points = []
    for count in (1, 2, 4, 8):
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={count}"
        numbers = isolated("amp_grid", "engine", {"XLA_FLAGS": flags}, points=32 if full else 16, trials=4)
        points.append({"devices": count, "cores": os.cpu_count(), **numbers})
    return {"points": points}
