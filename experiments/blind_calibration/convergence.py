"""The distance to the truth, iteration by iteration."""

import jax
import numpy as np
import pandas as pd

from recover import Table, models, solvers, theory

from ..fields import Count, Positive
from ..figure import Figure, Sweep
from .fields import Spreads

LINE_SEARCH = "line search"


class Convergence(Figure):
    """Squared distance Δ per iteration of line searches and of fixed steps, for several gain spreads."""

    dimension: Count
    sensors: Count
    snapshots: Count
    gain_spreads: Spreads
    step_sizes: tuple[Positive, ...]
    iterations: Count
    target: Positive
    trials: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Histories are kept; all fixed steps share a program. Double precision, to see the rate far down."""
        options = {"seed": self.seed, "max_steps": self.iterations, "record_every": 1, "precision": "float64"}
        return {"paths": Sweep(self._cell, {"gain_spread": self.gain_spreads}, self.trials, options)}

    def _cell(self, gain_spread):
        model = models.BlindCalibration(self.dimension, self.sensors, self.snapshots, gain_spread, measure="distance")
        fixed = {f"{size:g}": size for size in self.step_sizes}
        return model, {
            name: solvers.BlindCalibrationPGD(step_size=size, tolerance=0.0, patience=0)
            for name, size in {LINE_SEARCH: None, **fixed}.items()
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Quantiles of Δ per iteration; per trial the start, the iterations to the target and the contraction."""
        paths, runs = [], []
        for (spread, name), rows in swept["paths"].frame.groupby(["gain_spread", "solver"], sort=False):
            distance = np.stack(rows["history"]) ** 2
            filled = np.where(np.isfinite(distance), distance, np.inf)
            low, middle, high = np.quantile(filled, [0.1, 0.5, 0.9], axis=0, method="higher")
            paths.append(
                pd.DataFrame(
                    {
                        "gain_spread": spread,
                        "solver": name,
                        "iteration": np.arange(self.iterations + 1),
                        "distance": np.where(np.isfinite(middle), middle, np.nan),
                        "low": np.where(np.isfinite(low), low, np.nan),
                        "high": high,
                    }
                )
            )
            for trial, path in zip(rows["trial"], filled, strict=True):
                runs.append({"gain_spread": spread, "solver": name, "trial": trial, **self._measured(path)})
        with jax.enable_x64(True):
            starts = [
                {"gain_spread": spread, "distance": self._predicted_start(spread)} for spread in self.gain_spreads
            ]
        return {"paths": pd.concat(paths, ignore_index=True), "runs": pd.DataFrame(runs), "start": pd.DataFrame(starts)}

    def _predicted_start(self, spread: float) -> float:
        # Centred uniform numbers rescaled to their largest entry: the largest of m is about 1 - 1 / (m + 1).
        variance = spread**2 / 3 * (1 + 2 / (self.sensors + 1))
        return float(theory.calibration_start_error(self.dimension, self.sensors, self.snapshots, variance))

    def _measured(self, path: np.ndarray) -> dict:
        reached = np.flatnonzero(path <= self.target)
        count = int(reached[0]) if len(reached) else None
        contraction = straightness = float("nan")
        if count is not None:
            # A straight line in the logarithm, from a tenth of the start down to the target.
            piece = np.arange(int(np.argmax(path <= path[0] / 10)), count + 1)
            if len(piece) > 2:
                logs = np.log(path[piece])
                contraction = float(np.exp(np.polyfit(piece, logs, 1)[0]))
                straightness = float(np.corrcoef(piece, logs)[0, 1] ** 2)
        return {
            "start": float(path[0]),
            "iterations": float("nan") if count is None else count,
            "contraction": contraction,
            "straightness": straightness,
        }
