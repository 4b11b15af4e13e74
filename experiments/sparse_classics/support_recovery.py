"""Exact support recovery by the lasso against the control parameter n / (2 k log(p - k)) (Wainwright 2009)."""

import dataclasses
import math

import pandas as pd
import pydantic

from recover import Table, models, solvers

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Threshold


class SupportRecovery(Figure):
    """Probability that the lasso finds the signed support, for several dimensions."""

    dimensions: tuple[Count, ...] = pydantic.Field(min_length=1)
    controls: tuple[Threshold, ...] = pydantic.Field(min_length=2)
    amplitude: Threshold
    noise: Threshold
    trials: Count
    max_steps: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Dimension by control parameter."""
        axes = {"dimension": self.dimensions, "control": self.controls}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, dimension, control):
        sparsity = math.ceil(0.4 * dimension**0.75)
        samples = max(2, round(control * 2 * sparsity * math.log(dimension - sparsity)))
        level = 2 * self.noise**2 * math.log(sparsity) * math.log(dimension - sparsity) / samples
        # The regression convention X ~ N(0, 1), coefficients +-amplitude, objective |y - X b|^2 / (2 n) + penalty |b|_1
        # becomes ours (columns of unit norm, signs +-1) when y is divided by amplitude sqrt(n).
        noise = self.noise / (self.amplitude * math.sqrt(samples))
        penalty = math.sqrt(level) / self.amplitude
        model = models.SparseRegression(dimension, samples, sparsity, noise=noise, amplitudes="signs")
        return model, solvers.FISTA(penalty=penalty)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rate of exact signed support recovery, and where it crosses one half."""
        table = swept["grid"]
        missed = dataclasses.replace(table, frame=table.frame.assign(missed=1 - table.frame["signed_support"]))
        return {
            "success": missed.success(below=0.5, metric="missed"),
            "boundary": missed.boundary("control", below=0.5, metric="missed", seed=self.seed),
        }
