"""One large instance in two or three dimensions: truth, points, estimate, boundary."""

import jax
import numpy as np
import pandas as pd
from scipy import ndimage

from recover import models, solve
from recover.surfaces.gridding import cell_centres

from ..fields import Count, Nonnegative, Positive
from ..figure import Figure
from .common import Weights, cells_frame, fdr, observed


class Picture(Figure):
    """A surface with a jump across a circle or a sphere, and what the boundary looks like as a whole."""

    dimension: Count
    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    levels: Count
    weights: Weights
    tolerance: Nonnegative
    max_steps: Count

    def predictions(self):
        model = models.JumpSurface(self.dimension, self.samples, self.cells, self.noise, self.jump)
        key = jax.random.key(self.seed)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        solver = fdr(self.weights, self.levels, tolerance=self.tolerance)
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        cells = cells_frame(problem, truth, estimate)
        jumps = np.asarray(estimate.jumps)
        distance = np.linalg.norm(np.asarray(cell_centres(model.shape))[jumps] + 0.5 / self.cells - 0.5, axis=-1)
        summary = {
            "mse": float(((cells["estimate"] - cells["truth"]) ** 2).mean()),
            "raw_mse": float(((cells["data"] - cells["truth"]) ** 2).mean()),
            "false_negative": float(model.metrics(truth, estimate)["false_negative"]),
            "enclosed": float(_enclosed(jumps)),
            "near_circle": float(np.mean(np.abs(distance - 0.25) <= 2 / self.cells)) if jumps.any() else np.nan,
        }
        cloud = {f"x{axis}": np.asarray(points)[:, axis] for axis in range(self.dimension)}
        return {
            "cells": cells,
            "points": pd.DataFrame({**cloud, "y": np.asarray(outcomes)}),
            "summary": pd.DataFrame([summary]),
        }


def _enclosed(jumps: np.ndarray) -> bool:
    """Whether the jump set separates the centre of the grid from its border: no path of cells gets across."""
    free, _ = ndimage.label(~jumps)
    centre = free[tuple(size // 2 for size in jumps.shape)]
    inner = np.zeros(jumps.shape, bool)
    inner[tuple(slice(1, -1) for _ in jumps.shape)] = True
    # The last row and column belong to no difference, so a corner region counts as the border too.
    return bool(centre != 0 and centre not in np.unique(free[~inner]))
