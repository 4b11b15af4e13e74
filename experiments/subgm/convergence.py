"""Error per step: small and large starts, exact and over-estimated rank."""

import jax
import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import erf

from recover import theory

from ..fields import Count, Positive
from ..figure import Axis
from .common import MatrixFigure, Step, subgradient_method


class Convergence(MatrixFigure):
    """Four runs on the same instances."""

    samples: Count
    search_rank: Axis[Count]
    initial_scale: Axis[Positive]
    step: Step

    def cell(self, search_rank, initial_scale):
        return self.model(self.samples), subgradient_method(search_rank, initial_scale, self.step)

    def tables(self, swept):
        return {"curves": self.errors_per_step(swept, "search_rank", "initial_scale")}

    def predictions(self):
        norm, smallest = np.sqrt(self.rank), min(self.initial_scale)
        first_step = self.step.initial * (self._median_observation(norm) if self.step.rule == "median" else 1.0)
        with jax.enable_x64(True):
            scale = float(theory.sign_scale(norm, self.corruption, self.outlier_scale))
            escape = float(theory.escape_steps(smallest, first_step, 1.0, norm, scale))
        return {"escape": pd.DataFrame({"initial_scale": [smallest], "step": [escape]})}

    def _median_observation(self, norm: float) -> float:
        """The median of |y|, which is what the median of the residuals is near zero."""
        outlying = np.hypot(norm, self.outlier_scale)

        def excess(level):
            share = (1 - self.corruption) * erf(level / norm / np.sqrt(2))
            return share + self.corruption * erf(level / outlying / np.sqrt(2)) - 0.5

        return float(brentq(excess, 0, 10 * outlying))
