"""One dimension: a fit with its band, and where jumps are found."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import SurfaceProblem, solve, theory
from recover.surfaces.gridding import grid_means
from recover.surfaces.model import WAVE_JUMPS

from ..fields import Count, Positive
from ..summaries import summarise
from .common import LOCATED, SurfaceFigure, Weights, cells_frame, fdr, observed, surface


class Line(SurfaceFigure):
    """A wave with four jumps: how often each is located, and one instance with its conformal band and the exact minimiser."""

    samples: Count
    noise: Positive
    weights: Weights
    coverage: Positive = 0.95

    def axes(self):
        """One cell, for the rates."""
        return {"samples": [self.samples]}

    def cell(self, samples):
        return surface(1, samples, self.noise), fdr(self.weights, self.levels)

    def tables(self, swept):
        found = [
            swept.frame[["trial"]].assign(
                number=number,
                located=swept.frame[located],
                size=swept.frame[f"size_{number}"].where(swept.frame[located] > 0),
            )
            for number, located in enumerate(LOCATED, 1)
        ]
        return {
            "rates": summarise(pd.concat(found), ["number"], located="rate", size="mean"),
            "steps": summarise(swept, [], steps="mean"),
        }

    def predictions(self):
        model, solver = self.cell(self.samples)
        points, outcomes, problem, truth = self._observed(model, self.seed)
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        exact, _ = theory.mumford_shah_line(problem.observations, self.weights.data_weight, self.weights.jump_penalty)
        fine = np.linspace(0, 1, 2001)
        smooth, jumping = model.parts(jnp.asarray(fine[:, None], jnp.float32))
        jumps = pd.DataFrame(WAVE_JUMPS, columns=["place", "height"])
        # The sum of all jumps on the right end tells by what the wave was scaled.
        scale = np.asarray(model.parts(jnp.ones((1, 1)))[1])[0] / jumps["height"].sum()
        jumps = jumps.assign(number=range(1, len(jumps) + 1), height=scale * jumps["height"].abs())
        return {
            "jumps": jumps,
            "points": pd.DataFrame({"x": np.asarray(points)[:, 0], "y": np.asarray(outcomes)}),
            "cells": cells_frame(problem, truth, estimate, exact=problem.outcomes(exact)),
            "truth": pd.DataFrame({"x": fine, "y": np.asarray(smooth + jumping)}),
            "band": self._conformal(model, solver, points, outcomes),
        }

    def _conformal(self, model, solver, points, outcomes) -> pd.DataFrame:
        """Split conformal half-width of a band for outcomes, and the share of fresh outcomes within it."""
        first = np.arange(len(points)) < len(points) // 2
        used = np.asarray(outcomes)[first]
        problem = SurfaceProblem(
            grid_means(points, outcomes, model.shape, jnp.asarray(first)), lower=used.min(), upper=used.max()
        )
        values = np.asarray(solve(problem, solver, max_steps=self.max_steps).value.values)

        def residuals(where, found):
            cells = np.clip((np.asarray(where)[:, 0] * model.cells).astype(int), 0, model.cells - 1)
            return np.abs(np.asarray(found) - values[cells])

        calibration = np.sort(residuals(points, outcomes)[~first])
        rank = min(int(np.ceil((len(calibration) + 1) * self.coverage)), len(calibration))
        width = float(calibration[rank - 1])
        fresh_points, fresh, _, _ = self._observed(model, self.seed + 1000)
        return pd.DataFrame({"width": [width], "covered": [np.mean(residuals(fresh_points, fresh) <= width)]})

    @staticmethod
    def _observed(model, seed: int):
        return observed(model, jax.random.key(seed), jax.random.key(seed + 1))
