"""Errors against the signal-to-noise ratio, blind and not."""

from recover import models, solvers

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis, SweepFigure
from ..summaries import differences, summarise
from .common import decibels

SOLVERS = {
    "oracle": solvers.OracleLeastSquares,
    "BC-PGD": solvers.BlindCalibrationPGD,
    "ALS": solvers.BlindCalibrationALS,
    "linear": solvers.BlindCalibrationLinear,
    "uncalibrated": solvers.UncalibratedLeastSquares,
}


class Noise(SweepFigure):
    """Reconstruction signal-to-noise ratios over that of the data, and the loss to the oracle on the same instances."""

    dimension: Count
    sensors: Count
    snapshots: Count
    gain_spread: ProperFraction
    signal_to_noise: Axis[float]
    tolerance: Positive

    def cell(self, signal_to_noise):
        sizes = (self.dimension, self.sensors, self.snapshots, self.gain_spread)
        model = models.BlindCalibration(*sizes, snr=signal_to_noise, reveal_gains=True)
        return model, {name: kind(tolerance=self.tolerance) for name, kind in SOLVERS.items()}

    def tables(self, swept):
        ratios = {name: decibels(swept.frame[f"{name}_error"]) for name in ("signal", "gain")}
        rows = swept.frame.assign(**ratios)
        return {
            "ratios": summarise(rows, ["solver", "signal_to_noise"], signal="mean", gain="mean"),
            "loss": differences(rows, ["signal_to_noise"], "signal", "oracle"),
        }
