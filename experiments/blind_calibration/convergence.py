"""The distance to the truth, iteration by iteration."""

import jax
import numpy as np
import pandas as pd

from recover import models, solvers, theory

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis, SweepFigure
from ..summaries import summarise, unrolled

# Paths are drawn at every so many iterations.
_SHOWN = 4


class Convergence(SweepFigure):
    """Squared distance Δ per iteration of line searches and of fixed steps, for several gain spreads.

    All fixed steps share a program. Of every run: the start, the iterations to the target, and the contraction.
    """

    dimension: Count
    sensors: Count
    snapshots: Count
    gain_spread: Axis[ProperFraction]
    step_sizes: tuple[Positive, ...]
    target: Positive

    def cell(self, gain_spread):
        model = models.BlindCalibration(self.dimension, self.sensors, self.snapshots, gain_spread, measure="distance")
        sizes = {"line search": None, **{f"{size:g}": size for size in self.step_sizes}}
        return model, {
            name: solvers.BlindCalibrationPGD(step_size=size, tolerance=0.0, patience=0) for name, size in sizes.items()
        }

    def tables(self, swept):
        distances = np.stack(swept.frame["history"].to_list()) ** 2
        distances = np.where(np.isfinite(distances), distances, np.inf)
        by = ["gain_spread", "solver"]
        paths = unrolled(swept.frame.assign(history=list(distances[:, ::_SHOWN])), _SHOWN, value="distance")
        return {
            "paths": summarise(paths, [*by, "step"], distance="median_deciles"),
            "runs": swept.frame[[*by, "trial"]].assign(**_measured(distances, self.target)),
        }

    def predictions(self):
        # Centred uniform numbers rescaled to their largest entry: the largest of m is about 1 - 1 / (m + 1).
        variances = np.asarray(self.gain_spread) ** 2 / 3 * (1 + 2 / (self.sensors + 1))
        with jax.enable_x64(True):
            start = theory.calibration_start_error(self.dimension, self.sensors, self.snapshots, variances)
        return {"start": pd.DataFrame({"gain_spread": self.gain_spread, "distance": np.asarray(start)})}


def _measured(distances: np.ndarray, target: float) -> dict[str, np.ndarray]:
    """Start, iterations to the target, and a straight line in the logarithm from a tenth of the start down to there."""
    steps = np.arange(distances.shape[1])
    reached = (distances <= target).any(axis=1)
    last = np.argmax(distances <= target, axis=1)
    first = np.argmax(distances <= distances[:, :1] / 10, axis=1)
    fitted = (steps >= first[:, None]) & (steps <= last[:, None])
    count = np.where(reached & (last - first > 1), fitted.sum(axis=1), np.nan)
    logs = np.log(np.where(fitted & reached[:, None], distances, 1.0))

    def mean(values):
        return np.where(fitted, values, 0.0).sum(axis=1) / count

    at, level = steps - mean(steps[None, :])[:, None], logs - mean(logs)[:, None]
    slope = mean(at * level) / mean(at**2)
    return {
        "start": distances[:, 0],
        "iterations": np.where(reached, last, np.nan),
        "contraction": np.exp(slope),
        "straightness": slope * mean(at * level) / mean(level**2),
    }
