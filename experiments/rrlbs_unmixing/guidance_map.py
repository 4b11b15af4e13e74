"""The learnt sparsity levels next to the true ones."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Positive
from .common import METHODS, MixtureFigure, solved

SCENES = {"standard": {}, "varying": {"variation": 1.0, "purity": 1.0}}


class GuidanceMap(MixtureFigure):
    """The standard scene, and one whose mixing level rises from left to right."""

    penalty: Positive

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Maps of the first instance of each scene, and the correlation with the truth of all."""
        maps, correlations = [], []
        for scene, changes in SCENES.items():
            for trial in range(self.trials):
                levels = {}
                for name in ("start", "RRLbS"):
                    model, solver = self.model(**changes), METHODS[name](self.penalty)
                    truth, estimate = solved(model, solver, self.seed, trial, self.max_steps)
                    levels["true"], levels[name] = np.asarray(truth.levels), np.asarray(estimate.levels)
                for name in ("start", "RRLbS"):
                    found = np.corrcoef(levels["true"], levels[name])[0, 1]
                    difference = np.sqrt(np.mean((levels["true"] - levels[name]) ** 2))
                    correlations.append(
                        {"scene": scene, "trial": trial, "map": name, "correlation": found, "difference": difference}
                    )
                if trial == 0:
                    for name, values in levels.items():
                        pixels = np.arange(values.size)
                        maps.append(pd.DataFrame({"scene": scene, "map": name, "pixel": pixels, "level": values}))
        return {"maps": pd.concat(maps, ignore_index=True), "correlations": pd.DataFrame(correlations)}
