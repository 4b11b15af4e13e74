"""The weights that the loss gives to channels."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Positive
from .common import METHODS, MixtureFigure, solved


class ChannelWeights(MixtureFigure):
    """Weights relative to their median, in scenes of three kinds."""

    penalty: Positive

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """One row per kind of outliers, trial and channel."""
        found = []
        for kind in ("added", "blank"):
            for trial in range(self.trials):
                model, solver = self.model(outlier_kind=kind), METHODS["RRLbS"](self.penalty)
                truth, estimate = solved(model, solver, self.seed, trial, self.max_steps)
                weights = np.asarray(estimate.weights)
                columns = {"channel": np.arange(weights.size), "weight": weights}
                columns["outlier"] = np.asarray(truth.weights) == 0
                found.append(pd.DataFrame({"kind": kind, "trial": trial, **columns}))
        return {"weights": pd.concat(found, ignore_index=True)}
