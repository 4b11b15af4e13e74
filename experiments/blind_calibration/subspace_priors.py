"""What subspace priors on signal and gains save."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers
from recover.statistics.tables import boundary

from ..fields import Count, Counts, Positive
from ..figure import Figure, Sweep
from .fields import Spread


class Prior(pydantic.BaseModel):
    """Dimensions of the subspaces of signals and gains."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    signal: Count
    gains: Count


class SubspacePriors(Figure):
    """Success of BC-PGD with and without its priors, on the same instances."""

    dimension: Count
    priors: tuple[Prior, ...] = pydantic.Field(min_length=1)
    sensors: Counts
    snapshots: Counts
    gain_spread: Spread
    trials: Count
    max_steps: Count
    tolerance: Positive
    below: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for prior in self.priors:
            if prior.signal > self.dimension:
                raise ValueError(f"`priors` holds signal = {prior.signal}; at most {self.dimension} is allowed")
        return self

    def sweeps(self) -> dict[str, Sweep]:
        """Dimensions of the priors, and whether they are used, are traced: one program."""
        axes = {"prior": range(len(self.priors)), "sensors": self.sensors, "snapshots": self.snapshots}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, prior, sensors, snapshots):
        chosen = self.priors[prior]
        if chosen.gains > sensors:
            return None
        model = models.BlindCalibration(
            self.dimension,
            sensors,
            snapshots,
            self.gain_spread,
            signal_dimension=chosen.signal,
            gain_dimension=chosen.gains,
        )
        return model, {
            "with priors": solvers.BlindCalibrationPGD(tolerance=self.tolerance),
            "without priors": solvers.BlindCalibrationPGD(tolerance=self.tolerance, priors=False),
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates per cell, and where success crosses one half in equations over unknowns, with and without priors."""
        success = self._counted(swept["grid"].success(below=self.below))
        outcomes = self._counted(swept["grid"].frame)
        outcomes = outcomes.assign(success=outcomes["error"] < self.below, octaves=np.log2(outcomes["oversampling"]))
        fitted = boundary(outcomes, "octaves", "solver", seed=self.seed)
        fitted[["boundary", "low", "high"]] = 2 ** fitted[["boundary", "low", "high"]]
        return {"success": success, "boundary": fitted}

    def _counted(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Unknowns and oversampling, as the solver of each row counts them."""
        signal = frame["prior"].map({i: prior.signal for i, prior in enumerate(self.priors)})
        gains = frame["prior"].map({i: prior.gains for i, prior in enumerate(self.priors)})
        used = frame["solver"] == "with priors"
        unknowns = np.where(used, signal + gains - 1, self.dimension + frame["sensors"] - 1)
        return frame.assign(
            signal_dimension=signal,
            gain_dimension=gains,
            unknowns=unknowns,
            oversampling=frame["sensors"] * frame["snapshots"] / unknowns,
        )
