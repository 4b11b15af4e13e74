"""The weights that the loss gives to channels."""

from typing import Literal

import numpy as np
import pandas as pd

from ..figure import Axis
from .common import MethodsFigure


class ChannelWeights(MethodsFigure):
    """Weights relative to their median: of outlier channels in all instances, of every channel in one."""

    outlier_kind: Axis[Literal["added", "blank"]] = ("added", "blank")

    def tables(self, swept):
        return {"outliers": swept.frame[["outlier_kind", "trial", "outlier_weight", "largest_outlier_weight"]]}

    def predictions(self):
        weights = []
        for kind in self.outlier_kind:
            for _, truth, found in self.shown(outlier_kind=kind):
                columns = {"weight": np.asarray(found.weights), "bad": np.asarray(truth.weights) == 0}
                weights.append(pd.DataFrame({"outlier_kind": kind, **columns}).rename_axis("channel").reset_index())
        return {"weights": pd.concat(weights, ignore_index=True)}
