"""Success over sensors, snapshots and the spread of the gains, as one sweep."""

from recover import models, solvers

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis, SweepFigure
from .common import oversampled, threshold


class PhaseTransition(SweepFigure):
    """Success of BC-PGD, and where it crosses one half in equations per unknown; all axes are traced: one program."""

    dimension: Count
    gain_spread: Axis[ProperFraction]
    sensors: Axis[Count]
    snapshots: Axis[Count]
    most: Positive
    least_snapshots: Count
    tolerance: Positive
    below: Positive

    def cell(self, gain_spread, sensors, snapshots):
        # Cells far above the transition only cost memory.
        if sensors * snapshots > self.most * (self.dimension + sensors):
            return None
        model = models.BlindCalibration(self.dimension, sensors, snapshots, gain_spread)
        return model, solvers.BlindCalibrationPGD(tolerance=self.tolerance)

    def tables(self, swept):
        rows = oversampled(swept.frame, self.dimension)
        rows = rows[rows["snapshots"] >= self.least_snapshots]
        found = {"boundary": ["gain_spread"], "boundary_by_sensors": ["gain_spread", "sensors"]}
        return {
            "success": oversampled(swept.success(below=self.below), self.dimension),
            **{name: threshold(swept, rows, by, self.below, self.seed) for name, by in found.items()},
        }
