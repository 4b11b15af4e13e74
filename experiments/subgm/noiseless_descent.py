"""Gradient descent on the squared loss without noise: the same law of small and large starts."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Scales, gradient_descent, histories


class NoiselessDescent(MatrixFigure):
    """Over-estimated rank, several initial scales."""

    samples: Count
    search_rank: Count
    initial_scales: Scales
    gradient_step: Positive
    record_every: Count
    fit_from: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Initial scales on the same instances, histories kept."""
        axes = {"initial_scale": self.initial_scales}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options(record_every=self.record_every))}

    def _cell(self, initial_scale):
        return self.model(self.samples), gradient_descent(self.search_rank, initial_scale, self.gradient_step)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per step, and the exponent of their decay from the largest start."""
        curves = histories(swept["runs"].frame, ["initial_scale"], self.record_every)
        largest = curves[(curves["initial_scale"] == max(self.initial_scales)) & (curves["step"] >= self.fit_from)]
        slope = np.polyfit(np.log(largest["step"]), np.log(largest["median"]), 1)[0]
        return {"curves": curves, "decay": pd.DataFrame({"exponent": [float(slope)]})}
