"""The sub-gradient method and gradient descent on the squared loss under the same outliers."""

import numpy as np

from ..fields import Count, Positive
from ..figure import Axis
from .common import MatrixFigure, Step, gradient_descent, subgradient_method


class AgainstLeastSquares(MatrixFigure):
    """Error per step of both on the same instances, at several sample sizes."""

    samples: Axis[Count]
    search_rank: Axis[Count]
    initial_scale: Positive
    step: Step
    gradient_step: Positive

    def cell(self, samples, search_rank):
        return self.model(samples), {
            "sub-gradient": subgradient_method(search_rank, self.initial_scale, self.step),
            "least squares": gradient_descent(search_rank, self.initial_scale, self.gradient_step),
        }

    def tables(self, swept):
        by = ["samples", "search_rank", "solver"]
        least = [float(np.nanmin(history)) for history in swept.frame["history"]]
        return {
            "curves": self.errors_per_step(swept, *by),
            "final": swept.frame[[*by, "trial", "error"]].assign(least=least),
        }
