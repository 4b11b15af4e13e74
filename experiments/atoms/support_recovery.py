"""Supports of sparse codes by one threshold, orthogonal matching pursuit and basis pursuit, in both inner products."""

import pandas as pd

from recover import models, solvers

from ..fields import Count, Counts, Trials
from ..figure import Axis, Sweep, SweepFigure
from ..summaries import summarise
from .common import Condition, atoms


class SupportRecovery(SweepFigure):
    """Two sweeps: greedy encoders, and basis pursuit at smaller sizes and two condition numbers.

    Sizes of supports, conditioning and whitening are traced: one program per solver.
    """

    condition: Axis[Condition]
    active: Axis[Count]
    dimension: Count
    features: Count
    pursuit_dimension: Count
    pursuit_features: Count
    pursuit_active: Counts
    pursuit_trials: Trials

    def _greedy(self, condition, whitened, active):
        model = models.PlantedCode(atoms(self.dimension, self.features, active, condition), whitened)
        return model, {"threshold": solvers.Thresholding(nonnegative=True), "OMP": solvers.OMP()}

    def _pursuit(self, condition, whitened, active):
        features = atoms(self.pursuit_dimension, self.pursuit_features, active, condition)
        return models.PlantedCode(features, whitened), {"basis pursuit": solvers.BasisPursuit()}

    def sweeps(self):
        axes = {"condition": self.condition, "whitened": [0, 1], "active": self.active}
        extremes = {"condition": [min(self.condition), max(self.condition)], "active": self.pursuit_active}
        return {
            "greedy": Sweep(self._greedy, axes, self.trials, self.options(max_steps=max(self.active) + 1)),
            "pursuit": Sweep(self._pursuit, {**axes, **extremes}, self.pursuit_trials, self.options()),
        }

    def tables(self, swept):
        rows = pd.concat([table.frame for table in swept.values()])
        rows = rows.assign(success=rows["support"] > 0.5)
        return {"rates": summarise(rows, ["solver", "condition", "whitened", "active"], rate=("success", "rate"))}
