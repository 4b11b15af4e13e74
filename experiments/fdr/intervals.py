"""Intervals for jump sizes by subsampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import solve
from recover.surfaces.jumps import jump_sizes, with_neighbours
from recover.surfaces.subsampling import subsampled_sizes, subsampling_interval

from ..fields import Count, Positive
from ..figure import Figure
from ..summaries import summarise
from .common import Weights, fdr, observed, surface


class Intervals(Figure):
    """Per jump found on a line whether its interval covers its size, planted and as walked without noise; rates per instance."""

    trials: Count
    max_steps: Count
    levels: Count
    samples: Count
    cells: Count
    noise: Positive
    weights: Weights
    replicates: Count
    sizes: Count
    coverage: Positive = 0.95

    def predictions(self):
        found = [self._instance(trial) for trial in range(self.trials)]
        intervals = pd.concat([rows for rows, _ in found], ignore_index=True)
        for name in ("planted", "noiseless"):
            inside = (intervals["size_low"] <= intervals[name]) & (intervals[name] <= intervals["size_high"])
            intervals[f"covers_{name}"] = inside
        rates = pd.DataFrame({"rate": [rate for _, rate in found]})
        return {
            "intervals": intervals,
            "rates": summarise(rates, [], rate="mean", range=("rate", "median_range")),
            "coverage": summarise(intervals, [], covers_planted="rate", covers_noiseless="rate"),
        }

    def _instance(self, trial: int) -> tuple[pd.DataFrame, float]:
        """One row per jump found, and the rate of convergence."""
        model, solver = surface(1, self.samples, self.noise, cells=self.cells), fdr(self.weights, self.levels)
        key = jax.random.fold_in(jax.random.key(self.seed), trial)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        least = 2 * self.cells
        sizes = np.linspace(least, least + 0.1 * self.samples, self.sizes).astype(np.int32)
        draws = (jnp.asarray(sizes), self.replicates, jax.random.fold_in(key, 2), self.max_steps)
        replicates = subsampled_sizes(points, outcomes, model.shape, solver, estimate.jumps, *draws)
        near = np.asarray(estimate.jumps & with_neighbours(truth.jumps))
        cells, planted = _one_per_jump(near, np.asarray(truth.sizes))
        size = np.asarray(estimate.sizes)[cells]
        chosen = np.asarray(replicates)[:, :, cells]
        interval = subsampling_interval(size, chosen, sizes, self.samples, self.coverage)
        noiseless = np.asarray(jump_sizes(truth.values, estimate.jumps))[cells]
        rows = {"trial": trial, "planted": planted, "noiseless": noiseless, "size": size}
        return pd.DataFrame({**rows, "size_low": interval.low, "size_high": interval.high}), interval.rate


def _one_per_jump(near: np.ndarray, planted: np.ndarray) -> tuple[list[int], list[float]]:
    """For every planted jump a detected cell next to it, and its height."""
    cells: dict[int, float] = {}
    for cell in np.flatnonzero(planted):
        candidates = [c for c in (cell, cell - 1, cell + 1) if 0 <= c < len(near) and near[c]]
        if candidates:
            cells[int(candidates[0])] = float(planted[cell])
    return list(cells), list(cells.values())
