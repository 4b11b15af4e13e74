"""Gradient descent on the squared loss without noise: the same law of small and large starts."""

from ..fields import Count, Positive
from ..figure import Axis
from .common import MatrixFigure, gradient_descent


class NoiselessDescent(MatrixFigure):
    """Over-estimated rank, several initial scales."""

    samples: Count
    search_rank: Count
    initial_scale: Axis[Positive]
    gradient_step: Positive
    fit_from: Count

    def cell(self, initial_scale):
        return self.model(self.samples), gradient_descent(self.search_rank, initial_scale, self.gradient_step)

    def tables(self, swept):
        return {"curves": self.errors_per_step(swept, "initial_scale")}
