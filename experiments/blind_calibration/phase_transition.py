"""Success over sensors, snapshots and the spread of the gains, as one sweep."""

import numpy as np
import pandas as pd

from recover import Table, models, solvers
from recover.statistics.tables import boundary

from ..fields import Count, Counts, Positive
from ..figure import Figure, Sweep
from .fields import Spreads


class PhaseTransition(Figure):
    """Probability of success of BC-PGD on a grid of (sensors, snapshots) for several gain spreads."""

    dimension: Count
    sensors: Counts
    snapshots: Counts
    gain_spreads: Spreads
    most: Positive
    least_snapshots: Count
    trials: Count
    max_steps: Count
    tolerance: Positive
    below: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """All three axes are traced: one program."""
        axes = {"gain_spread": self.gain_spreads, "sensors": self.sensors, "snapshots": self.snapshots}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, gain_spread, sensors, snapshots):
        # Cells far above the transition only cost memory.
        if sensors * snapshots > self.most * (self.dimension + sensors):
            return None
        model = models.BlindCalibration(self.dimension, sensors, snapshots, gain_spread)
        return model, solvers.BlindCalibrationPGD(tolerance=self.tolerance)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates per cell; where success crosses one half in oversampling m p / (n + m - 1), per spread and pooled."""
        success = oversampled(swept["grid"].success(below=self.below), self.dimension)
        median = swept["grid"].frame.groupby(list(swept["grid"].axes), as_index=False)["steps"].median()
        outcomes = oversampled(swept["grid"].frame, self.dimension)
        outcomes = outcomes.assign(success=outcomes["error"] < self.below, octaves=np.log2(outcomes["oversampling"]))
        enough = outcomes[outcomes["snapshots"] >= self.least_snapshots]
        curves = {
            "spread": boundary(enough, "octaves", "gain_spread", seed=self.seed),
            "sensors": boundary(enough, "octaves", ["gain_spread", "sensors"], seed=self.seed),
        }
        for table in curves.values():
            table[["boundary", "low", "high"]] = 2 ** table[["boundary", "low", "high"]]
        return {
            "success": success.merge(median, on=list(swept["grid"].axes)),
            "boundary": curves["spread"],
            "boundary_by_sensors": curves["sensors"],
        }


def oversampled(frame: pd.DataFrame, dimension: int) -> pd.DataFrame:
    """The frame with the number of equations over the number of unknowns, m p / (n + m - 1)."""
    unknowns = dimension + frame["sensors"] - 1
    return frame.assign(oversampling=frame["sensors"] * frame["snapshots"] / unknowns)
