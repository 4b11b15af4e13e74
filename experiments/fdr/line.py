"""One dimension: a fit with its band, and where jumps are found."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import SurfaceProblem, Table, solve, theory
from recover.surfaces.gridding import cell_centres, grid_means
from recover.surfaces.model import WAVE_JUMPS

from ..fields import Count, Positive
from ..figure import Sweep
from .common import SurfaceFigure, Weights, cells_frame, means, observed, surface

LOCATED = [f"located_{number}" for number in range(1, len(WAVE_JUMPS) + 1)]
SIZES = [f"size_{number}" for number in range(1, len(WAVE_JUMPS) + 1)]


class Line(SurfaceFigure):
    """A wave with four jumps."""

    samples: Count
    noise: Positive
    weights: Weights
    coverage: Positive = 0.95

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep of one cell, for the rates."""
        return {"fits": Sweep(self._cell, {"samples": [self.samples]}, self.trials, self.options())}

    def _cell(self, samples):
        return surface(1, samples, self.noise), self.solver(self.weights)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """One instance with a conformal band and the exact minimiser, and the rates over instances."""
        model, solver = self._cell(self.samples)
        points, outcomes, problem, truth = _observed(model, self.seed)
        value = solve(problem, solver, max_steps=self.max_steps).value
        width, covered = self._conformal(model, solver, points, outcomes)
        exact, _ = theory.mumford_shah_line(problem.observations, self.weights.data_weight, self.weights.jump_penalty)
        cells = cells_frame(
            np.asarray(cell_centres(model.shape)),
            truth=truth.values,
            planted=truth.sizes,
            estimate=value.values,
            size=value.sizes,
            exact=problem.outcomes(exact),
            data=problem.outcomes(problem.observations),
        )
        fine = np.linspace(0, 1, 2001)
        smooth, jumping = model.parts(jnp.asarray(fine[:, None], jnp.float32))
        frame = swept["fits"].frame
        high = np.asarray(model.parts(jnp.ones((1, 1)))[1])[0] / sum(h for _, h in WAVE_JUMPS)
        rates = pd.DataFrame(
            {
                "place": [place for place, _ in WAVE_JUMPS],
                "height": [abs(height) * high for _, height in WAVE_JUMPS],
                "located": [frame[name].mean() for name in LOCATED],
                "size": [frame.loc[frame[name] > 0, size].mean() for name, size in zip(LOCATED, SIZES, strict=True)],
                "trials": len(frame),
            }
        )
        return {
            "points": pd.DataFrame({"x": np.asarray(points)[:, 0], "y": np.asarray(outcomes)}),
            "cells": cells,
            "truth": pd.DataFrame({"x": fine, "y": np.asarray(smooth + jumping)}),
            "band": pd.DataFrame({"width": [width], "covered": [covered]}),
            "rates": rates,
            "summary": means(frame, ["samples"], ["mse", "false_positive", "false_negative", "steps"]),
        }

    def _conformal(self, model, solver, points, outcomes) -> tuple[float, float]:
        """Split conformal half-width of a band for outcomes, and the share of fresh outcomes within it."""
        rows = points.shape[0]
        first = np.arange(rows) < rows // 2
        fitted = _fit(model, solver, points, outcomes, first, self.max_steps)
        residuals = np.sort(np.abs(np.asarray(outcomes) - fitted(points))[~first])
        rank = min(int(np.ceil((len(residuals) + 1) * self.coverage)), len(residuals))
        width = float(residuals[rank - 1])
        fresh_points, fresh, _, _ = _observed(model, self.seed + 1000)
        return width, float(np.mean(np.abs(np.asarray(fresh) - fitted(fresh_points)) <= width))


def _observed(model, seed: int):
    return observed(model, jax.random.key(seed), jax.random.key(seed + 1))


def _fit(model, solver, points, outcomes, used, max_steps):
    """A function of points: the estimate in their cells, from the points `used`."""
    means_ = grid_means(points, outcomes, model.shape, jnp.asarray(used))
    chosen = np.asarray(outcomes)[used]
    values = np.asarray(
        solve(SurfaceProblem(means_, lower=chosen.min(), upper=chosen.max()), solver, max_steps=max_steps).value.values
    )

    def at(where):
        cells = np.clip((np.asarray(where) * model.cells).astype(int), 0, model.cells - 1)
        return values[tuple(cells.T)]

    return at
