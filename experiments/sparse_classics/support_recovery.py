"""Exact support recovery by the lasso against the control parameter n / (2 k log(p - k)) (Wainwright 2009)."""

import dataclasses
import math

from recover import models, solvers

from ..fields import Count, Positive
from ..figure import Axis, SweepFigure
from ..summaries import summarise


class SupportRecovery(SweepFigure):
    """Probability that the lasso finds the signed support, and where it crosses one half."""

    dimension: Axis[Count]
    control: Axis[Positive]
    amplitude: Positive
    noise: Positive

    def cell(self, dimension, control):
        sparsity = math.ceil(0.4 * dimension**0.75)
        samples = max(2, round(control * 2 * sparsity * math.log(dimension - sparsity)))
        level = 2 * self.noise**2 * math.log(sparsity) * math.log(dimension - sparsity) / samples
        # The regression convention X ~ N(0, 1), coefficients +-amplitude, objective |y - X b|^2 / (2 n) + penalty |b|_1
        # becomes ours (columns of unit norm, signs +-1) when y is divided by amplitude sqrt(n).
        noise = self.noise / (self.amplitude * math.sqrt(samples))
        model = models.SparseRegression(dimension, samples, sparsity, noise=noise, amplitudes="signs")
        return model, solvers.FISTA(penalty=math.sqrt(level) / self.amplitude)

    def tables(self, swept):
        missed = dataclasses.replace(swept, frame=swept.frame.assign(missed=1 - swept.frame["signed_support"]))
        return {
            "success": summarise(swept, ["dimension", "control"], rate=("signed_support", "rate")),
            "boundary": missed.boundary("control", below=0.5, metric="missed", seed=self.seed),
        }
