"""The learnt sparsity levels next to the true ones."""

from typing import Literal

import numpy as np
import pandas as pd

from ..figure import Axis
from .common import MethodsFigure

CHANGES = {"standard": {}, "varying": {"variation": 1.0, "purity": 1.0}}


class GuidanceMap(MethodsFigure):
    """Correlations with the truth in the standard scene, and in one whose mixing level rises from left to right; maps of both."""

    mixing: Axis[Literal["standard", "varying"]] = ("standard", "varying")

    def cell(self, mixing):
        return self.model(**CHANGES[mixing]), self.solvers()

    def predictions(self):
        maps = []
        for mixing in self.mixing:
            for name, truth, found in self.shown(mixing=mixing):
                levels = {"true": np.asarray(truth.levels), "found": np.asarray(found.levels)}
                maps.append(pd.DataFrame({"mixing": mixing, "solver": name, **levels}))
        return {"maps": pd.concat(maps, ignore_index=True)}
