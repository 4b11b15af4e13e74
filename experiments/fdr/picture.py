"""One large instance in two or three dimensions: truth, points, estimate, boundary."""

import time

import jax
import numpy as np
import pandas as pd
from scipy import ndimage

from recover import Table, models, solve, solvers
from recover.surfaces.gridding import cell_centres

from ..fields import Count, Nonnegative, Positive
from .common import Figure, Weights, cells_frame, observed


class Picture(Figure):
    """A surface with a jump across a circle or a sphere."""

    dimension: Count
    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    levels: Count
    weights: Weights
    tolerance: Nonnegative
    max_steps: Count

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Cells, points, and what the boundary looks like as a whole."""
        model = models.JumpSurface(self.dimension, self.samples, self.cells, self.noise, self.jump)
        key = jax.random.key(self.seed)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        weights = self.weights
        solver = solvers.FDR(weights.data_weight, weights.jump_penalty, levels=self.levels, tolerance=self.tolerance)
        started = time.perf_counter()
        solution = solve(problem, solver, max_steps=self.max_steps)
        seconds = time.perf_counter() - started
        estimate = solution.value
        centres = np.asarray(cell_centres(model.shape))
        cells = cells_frame(
            centres,
            truth=truth.values,
            data=problem.outcomes(problem.observations),
            estimate=estimate.values,
            planted=truth.sizes,
            size=estimate.sizes,
        )
        metrics = {name: float(value) for name, value in model.metrics(truth, estimate).items()}
        jumps = np.asarray(estimate.jumps)
        distance = np.linalg.norm(centres[jumps] + 0.5 / self.cells - 0.5, axis=-1)
        summary = {
            **metrics,
            "height": float(model.height),
            "raw_mse": float(
                np.mean((np.asarray(problem.outcomes(problem.observations)) - np.asarray(truth.values)) ** 2)
            ),
            "enclosed": float(enclosed(jumps)),
            "near_circle": float(np.mean(np.abs(distance - 0.25) <= 2 / self.cells)) if jumps.any() else np.nan,
            "steps": int(solution.stats["steps"]),
            "seconds": seconds,
        }
        cloud = {f"x{axis}": np.asarray(points)[:, axis] for axis in range(self.dimension)}
        return {
            "cells": cells,
            "points": pd.DataFrame({**cloud, "y": np.asarray(outcomes)}),
            "summary": pd.DataFrame([summary]),
        }


def enclosed(jumps: np.ndarray) -> bool:
    """Whether the jump set separates the centre of the grid from its border: no path of cells gets across."""
    free, _ = ndimage.label(~jumps)
    centre = free[tuple(size // 2 for size in jumps.shape)]
    inner = np.zeros(jumps.shape, bool)
    inner[tuple(slice(1, -1) for _ in jumps.shape)] = True
    # The last row and column belong to no difference, so a corner region counts as the border too.
    return bool(centre != 0 and centre not in np.unique(free[~inner]))
