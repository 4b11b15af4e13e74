"""Error under Gaussian noise against the rate of least squares."""

import jax
import numpy as np

from recover import theory

from ..fields import Count, Positive
from ..figure import Axis, NamedAxis
from ..summaries import summarise
from .common import MatrixFigure, Run, Step, gradient_descent, subgradient_method


class GaussianNoise(MatrixFigure):
    """Sub-gradient method and least squares, exact and over-estimated rank, small and large start.

    Histories are kept for the error of stopping at the best time.
    """

    samples: Axis[Count]
    noise: Axis[Positive]
    variant: NamedAxis[Run]
    step: Step
    gradient_step: Positive

    def cell(self, samples, noise, variant):
        chosen = self.variant[variant]
        start = (chosen.search_rank, chosen.initial_scale)
        return self.model(samples, noise=noise), {
            "sub-gradient": subgradient_method(*start, self.step),
            "least squares": gradient_descent(*start, self.gradient_step),
        }

    def tables(self, swept):
        frame = swept.frame.assign(least=[float(np.nanmin(history)) for history in swept.frame["history"]])
        by = ["solver", "variant", "samples", "noise"]
        errors = summarise(frame, by, error="median_range", least="median_range")
        with jax.enable_x64(True):
            predicted = theory.least_squares_matrix_error(
                errors["noise"].to_numpy(), self.dimension, self.rank, errors["samples"].to_numpy(float)
            )
        return {"errors": errors.assign(predicted=np.asarray(predicted) / np.sqrt(self.rank))}
