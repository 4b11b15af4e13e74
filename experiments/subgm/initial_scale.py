"""Final error against the initial scale, for three step rules."""

import numpy as np
import pandas as pd

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis, NamedAxis
from ..summaries import summarise
from .common import MatrixFigure, Step, subgradient_method


class InitialScale(MatrixFigure):
    """Over-estimated rank throughout; a setting is a step rule and a share of outliers."""

    samples: Count
    search_rank: Count
    setting: NamedAxis[Step]
    initial_scale: Axis[Positive]
    corruptions: dict[str, ProperFraction]
    slope_below: Positive

    def cell(self, setting, initial_scale):
        model = self.model(self.samples, self.corruptions[setting])
        return model, subgradient_method(self.search_rank, initial_scale, self.setting[setting])

    def tables(self, swept):
        small = swept.frame[swept.frame["initial_scale"] <= self.slope_below]
        slopes = [
            {"setting": setting, "trial": trial, "slope": _slope(rows)}
            for (setting, trial), rows in small.groupby(["setting", "trial"], sort=False)
        ]
        return {
            "errors": summarise(swept, ["setting", "initial_scale"], error="median_range"),
            "slopes": summarise(pd.DataFrame(slopes), ["setting"], slope="median_range"),
        }


def _slope(rows: pd.DataFrame) -> float:
    return float(np.polyfit(np.log(rows["initial_scale"]), np.log(rows["error"]), 1)[0])
