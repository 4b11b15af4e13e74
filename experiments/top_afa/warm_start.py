"""What training does to a dictionary that is right at the start."""

import math

import numpy as np
import pandas as pd

from recover import Table, models, solvers
from recover import autoencoders as pieces

from ..fields import Count, Counts, Positive, Trials
from ..figure import Figure, Sweep
from ..summaries import means
from .common import UNSEEN, PlantedStart, Weights, unseen

COLUMNS = ["l0", "nmse", "recovered_90", "ratio", "correlation"]


class WarmStart(Figure):
    """Top-AFA with and without a bound on the number of active neurons, started at the planted features."""

    dimension: Count
    features: Count
    actives: Counts
    batch: Count
    steps: Count
    stops: Counts
    rate: Positive
    weights: Weights
    bound: Count
    trials: Trials

    def sweeps(self) -> dict[str, Sweep]:
        """One training per weight and bound, measured on its way."""
        options = {"seed": self.seed, "max_steps": self.steps, "measure": unseen, "record_every": self._stride}
        return {"warm": Sweep(self._cell, {"once": [0]}, self.trials, options)}

    @property
    def _stride(self) -> int:
        return math.gcd(*self.stops)

    def _cell(self, once):
        model = models.PlantedFeatures(
            self.dimension, self.features, self.actives, scaling="standard", summary_rows=256
        )
        cases = {f"{weight:g}, {self.features}": (weight, self.features) for weight in self.weights}
        middle = self.weights[len(self.weights) // 2]
        cases[f"{middle:g}, {self.bound}"] = middle, self.bound
        return model, {name: self._training(*case) for name, case in cases.items()}

    def _training(self, weight, most):
        control = pieces.NormMatching.published(weight, self.dimension)
        optimiser = pieces.Adam(self.rate, steps=self.steps, decay_square=0.99)
        training = solvers.AutoencoderTraining(
            self.features, pieces.TopAFA(most), control, pieces.FreeEncoder(), optimiser, self.batch
        )
        return PlantedStart(training)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means by weight, bound and stop."""
        frame = swept["warm"].frame
        parts = frame["solver"].str.split(", ", expand=True).astype(float)
        frame = frame.assign(weight=parts[0], most=parts[1])
        measured = {"recovered_90": "found_90", **{name: f"unseen_{name}" for name in UNSEEN}}
        histories = {name: np.stack(frame[f"{key}_history"]) for name, key in measured.items()}
        stopped = pd.concat(
            frame[["weight", "most", "trial"]].assign(
                stop=stop, **{name: values[:, stop // self._stride] for name, values in histories.items()}
            )
            for stop in (0, *self.stops)
        )
        facts = {"dim": self.dimension, "planted": float(np.mean(self.actives)), "features": self.features}
        return {
            "warm": means(stopped, ["weight", "most", "stop"], COLUMNS),
            "facts": pd.DataFrame([facts]),
        }
