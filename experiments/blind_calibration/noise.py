"""Errors against the signal-to-noise ratio, blind and not."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers

from ..fields import Count, Positive
from ..figure import Figure, Sweep
from .fields import Spread

SOLVERS = {
    "BC-PGD": solvers.BlindCalibrationPGD,
    "ALS": solvers.BlindCalibrationALS,
    "linear": solvers.BlindCalibrationLinear,
    "oracle": solvers.OracleLeastSquares,
    "uncalibrated": solvers.UncalibratedLeastSquares,
}


class Noise(Figure):
    """Reconstruction signal-to-noise ratios of signal and gains over that of the data."""

    dimension: Count
    sensors: Count
    snapshots: Count
    gain_spread: Spread
    signal_to_noise: tuple[float, ...] = pydantic.Field(min_length=2)
    trials: Count
    max_steps: Count
    tolerance: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """All solvers on the same instances."""
        axes = {"signal_to_noise": self.signal_to_noise}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, signal_to_noise):
        model = models.BlindCalibration(
            self.dimension, self.sensors, self.snapshots, self.gain_spread, snr=signal_to_noise, reveal_gains=True
        )
        return model, {name: kind(tolerance=self.tolerance) for name, kind in SOLVERS.items()}

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Mean and standard error over trials of -20 log10 of the relative errors, and the paired loss to the oracle."""
        frame = swept["grid"].frame
        frame = frame.assign(**{name: decibels(frame[f"{name}_error"]) for name in ("signal", "gain")})
        by = ["signal_to_noise", "solver"]
        groups = frame.groupby(by, sort=False)[["signal", "gain"]]
        cells = groups.mean().join(groups.sem(), rsuffix="_standard_error").reset_index()
        wide = frame.pivot(index=["signal_to_noise", "trial"], columns="solver", values="signal")
        losses = []
        for name in SOLVERS:
            if name != "oracle":
                loss = (wide["oracle"] - wide[name]).groupby("signal_to_noise")
                table = pd.DataFrame({"loss": loss.mean(), "standard_error": loss.sem()}).reset_index()
                losses.append(table.assign(solver=name))
        return {"cells": cells, "loss": pd.concat(losses, ignore_index=True)}


def decibels(error) -> np.ndarray:
    """Reconstruction signal-to-noise ratio of a relative error; at the smallest error, that of rounding."""
    return -20 * np.log10(np.maximum(np.asarray(error, float), np.finfo(np.float32).eps))
