"""Four blind methods near the counting limit."""

import pandas as pd

from recover import Table, models, solvers

from ..fields import Count, Counts, Positive
from ..figure import Figure, Sweep
from .fields import Spreads
from .phase_transition import oversampled


class Baselines(Figure):
    """Success of BC-PGD, with and without its box, of alternating and of linear least squares, without noise."""

    dimension: Count
    sensors: Counts
    snapshots: Counts
    gain_spreads: Spreads
    trials: Count
    max_steps: Count
    tolerance: Positive
    below: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """All solvers on the same instances."""
        axes = {"gain_spread": self.gain_spreads, "sensors": self.sensors, "snapshots": self.snapshots}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, gain_spread, sensors, snapshots):
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

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates per cell with the oversampling of each, and how often the box changed the outcome."""
        success = oversampled(swept["grid"].success(below=self.below), self.dimension)
        frame = swept["grid"].frame
        wide = frame.assign(success=frame["error"] < self.below).pivot(
            index=["gain_spread", "sensors", "snapshots", "trial"], columns="solver", values="success"
        )
        changed = pd.DataFrame(
            {
                "instances": [len(wide)],
                "box_only": [int((wide["BC-PGD"] & ~wide["BC-PGD, no box"]).sum())],
                "no_box_only": [int((~wide["BC-PGD"] & wide["BC-PGD, no box"]).sum())],
            }
        )
        return {"success": success, "box": changed}
