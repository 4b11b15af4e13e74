"""What subspace priors on signal and gains save."""

import numpy as np
import pandas as pd
import pydantic

from recover import models, solvers

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis, NamedAxis, SweepFigure
from .common import threshold


class Prior(pydantic.BaseModel):
    """Dimensions of the subspaces of signals and gains."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    signal: Count
    gains: Count


class SubspacePriors(SweepFigure):
    """Success with and without priors on the same instances; dimensions, and whether they are used, are traced."""

    dimension: Count
    prior: NamedAxis[Prior]
    sensors: Axis[Count]
    snapshots: Axis[Count]
    gain_spread: ProperFraction
    tolerance: Positive
    below: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for name, prior in self.prior.items():
            if prior.signal > self.dimension:
                raise ValueError(f"`prior.{name}.signal` is {prior.signal}; at most {self.dimension} is allowed")
        return self

    def cell(self, prior, sensors, snapshots):
        chosen = self.prior[prior]
        if chosen.gains > sensors:
            return None
        known = {"signal_dimension": chosen.signal, "gain_dimension": chosen.gains}
        model = models.BlindCalibration(self.dimension, sensors, snapshots, self.gain_spread, **known)
        return model, {
            "with priors": solvers.BlindCalibrationPGD(tolerance=self.tolerance),
            "without priors": solvers.BlindCalibrationPGD(tolerance=self.tolerance, priors=False),
        }

    def tables(self, swept):
        return {
            "success": self._counted(swept.success(below=self.below)),
            "boundary": threshold(swept, self._counted(swept.frame), [], self.below, self.seed),
        }

    def _counted(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with equations per unknown, as the solver of each counts them."""
        known = rows["prior"].map({name: prior.signal + prior.gains for name, prior in self.prior.items()})
        unknowns = np.where(rows["solver"] == "with priors", known, self.dimension + rows["sensors"]) - 1
        return rows.assign(oversampling=rows["sensors"] * rows["snapshots"] / unknowns)
