"""Four blind methods near the counting limit."""

import pandas as pd

from recover import models, solvers

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis, SweepFigure
from ..summaries import summarise
from .common import oversampled


class Baselines(SweepFigure):
    """Success of BC-PGD, with and without its box, of alternating and of linear least squares, without noise."""

    dimension: Count
    gain_spread: Axis[ProperFraction]
    sensors: Axis[Count]
    snapshots: Axis[Count]
    tolerance: Positive
    below: Positive

    def cell(self, gain_spread, sensors, snapshots):
        oversampling = sensors * snapshots / (self.dimension + sensors - 1)
        if not 0.6 < oversampling < 3.2:
            return None
        model = models.BlindCalibration(self.dimension, sensors, snapshots, gain_spread)
        return model, {
            "BC-PGD": solvers.BlindCalibrationPGD(tolerance=self.tolerance),
            "BC-PGD, no box": solvers.BlindCalibrationPGD(tolerance=self.tolerance, projection=False),
            "ALS": solvers.BlindCalibrationALS(tolerance=self.tolerance),
            "linear": solvers.BlindCalibrationLinear(),
        }

    def tables(self, swept):
        rows = oversampled(swept.frame.assign(solved=swept.frame["error"] < self.below), self.dimension)
        wide = rows.pivot(index=[*swept.axes, "trial"], columns="solver", values="solved")
        box, free = wide["BC-PGD"], wide["BC-PGD, no box"]
        counts = {"instances": len(wide), "box_only": (box & ~free).sum(), "no_box_only": (free & ~box).sum()}
        by = ["solver", *swept.axes, "oversampling"]
        return {"success": summarise(rows, by, rate=("solved", "rate")), "box": pd.DataFrame([counts])}
