"""Final error against the initial scale, for three step rules."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Scales, Share, Step, medians, subgradient_method


class InitialScale(MatrixFigure):
    """Over-estimated rank throughout."""

    samples: Count
    search_rank: Count
    outlier_scale: Positive
    initial_scales: Scales
    corruptions: dict[str, Share]
    steps: dict[str, Step]
    slope_below: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """Initial scale by setting; a setting is a step rule and a share of outliers."""
        axes = {"setting": tuple(self.steps), "initial_scale": self.initial_scales}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, setting, initial_scale):
        model = self.model(self.samples, corruption=self.corruptions[setting], outlier_scale=self.outlier_scale)
        return model, subgradient_method(self.search_rank, initial_scale, self.steps[setting])

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Median errors, and slopes of log error on log scale below a scale, per trial and of the medians."""
        frame = swept["runs"].frame
        small = frame[frame["initial_scale"] <= self.slope_below]
        slopes = [
            {"setting": setting, "trial": trial, "slope": _slope(rows)}
            for (setting, trial), rows in small.groupby(["setting", "trial"])
        ]
        return {"errors": medians(frame, ["setting", "initial_scale"]), "slopes": pd.DataFrame(slopes)}


def _slope(rows: pd.DataFrame) -> float:
    return float(np.polyfit(np.log(rows["initial_scale"]), np.log(rows["error"]), 1)[0])
