"""Intervals for jump sizes by subsampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, solve
from recover.surfaces.jumps import jump_sizes, with_neighbours
from recover.surfaces.subsampling import subsampled_sizes, subsampling_interval

from ..fields import Count, Positive
from .common import SurfaceFigure, Weights, observed, surface


class Intervals(SurfaceFigure):
    """Coverage of intervals for the sizes of jumps on a line."""

    samples: Count
    cells: Count
    noise: Positive
    weights: Weights
    replicates: Count
    sizes: Count
    coverage: Positive = 0.95

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """One row per jump found in each instance, and the rate of each instance."""
        model = surface(1, self.samples, self.noise, cells=self.cells)
        solver = self.solver(self.weights)
        least = 2 * self.cells
        sizes = np.linspace(least, least + 0.1 * self.samples, self.sizes).astype(np.int32)
        rows, rates = [], []
        for trial in range(self.trials):
            key = jax.random.fold_in(jax.random.key(self.seed), trial)
            points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
            estimate = solve(problem, solver, max_steps=self.max_steps).value
            near = estimate.jumps & with_neighbours(truth.jumps)
            replicates = subsampled_sizes(
                points, outcomes, model.shape, solver, estimate.jumps, jnp.asarray(sizes), self.replicates,
                jax.random.fold_in(key, 2), self.max_steps,
            )  # fmt: skip
            cells = _one_per_jump(np.asarray(near), np.asarray(truth.sizes))
            chosen = np.asarray(replicates)[:, :, list(cells)]
            interval = subsampling_interval(
                np.asarray(estimate.sizes)[list(cells)], chosen, sizes, self.samples, self.coverage
            )
            same = np.asarray(jump_sizes(truth.values, estimate.jumps))
            rates.append({"trial": trial, "rate": interval.rate})
            for number, (cell, planted) in enumerate(cells.items()):
                rows.append(
                    {
                        "trial": trial,
                        "planted": planted,
                        "noiseless": same[cell],
                        "size": float(np.asarray(estimate.sizes)[cell]),
                        "low": interval.low[number],
                        "high": interval.high[number],
                    }
                )
        return {"intervals": pd.DataFrame(rows), "rates": pd.DataFrame(rates)}


def _one_per_jump(near: np.ndarray, planted: np.ndarray) -> dict[int, float]:
    """For every planted jump a detected cell next to it, and its height."""
    cells = {}
    for cell in np.flatnonzero(planted):
        candidates = [c for c in (cell, cell - 1, cell + 1) if 0 <= c < len(near) and near[c]]
        if candidates:
            cells[int(candidates[0])] = float(planted[cell])
    return cells
