"""GAMP-RIE over samples and width, as one sweep, next to the Bayes-optimal error."""

import numpy as np
import pandas as pd
import pydantic

from recover import solvers

from ..fields import Count, Positive
from ..figure import Axis, SweepFigure
from ..summaries import summarise
from .common import bayes_error, bayes_errors, network, recovery_threshold, threshold_line


class PhaseDiagram(SweepFigure):
    """Samples and width are traced: the whole grid is one program."""

    dimension: Count
    sampling: Axis[Positive]
    ratio: Axis[Positive]
    below: Positive = pydantic.Field(lt=1)

    def cell(self, sampling, ratio):
        return network(self.dimension, ratio, sampling), solvers.GAMPRIE()

    def tables(self, swept):
        return {
            "errors": summarise(swept, ["sampling", "ratio"], error="mean_spread"),
            "boundary": swept.boundary("sampling", below=self.below, seed=self.seed),
        }

    def predictions(self):
        return {
            "bayes": bayes_errors(self.sampling, self.ratio),
            "contour": pd.DataFrame({"ratio": self.ratio, "predicted": self._contour()}),
            "threshold": threshold_line(1.1 * max(self.ratio)),
        }

    def _contour(self) -> np.ndarray:
        """The samplings at which the Bayes-optimal error is `below`, one per width, by bisection."""
        low, high = np.zeros(len(self.ratio)), recovery_threshold(self.ratio)
        for _ in range(16):
            middle = (low + high) / 2
            above = bayes_error(middle, self.ratio) > self.below
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return middle
