"""Four ways to prune a network that learns digits."""

import numpy as np
import pandas as pd

from recover import theory

from .common import PAIRS, DigitsFigure


class Methods(DigitsFigure):
    """Means over instances, the index of one shot in all of them, and remaining shares predicted from the indices."""

    def tables(self, swept):
        index = self.iterations(swept, "pqi_half", "pqi_two", "live")
        columns = ("accuracy", "pruned_accuracy", "remaining", "live", "gini", "pqi_half", "pruned_pqi_half")
        return {
            "curves": self.curves(swept, *columns),
            "one_shot": index.loc[index["solver"] == "one shot", ["trial", "iteration", "live", "pqi_half"]],
            "predicted": self._predicted(index),
        }

    def _predicted(self, rows):
        """Products of what the index of every iteration keeps, and powers of a fixed share."""
        steps = np.arange(self.max_steps)
        parts = [pd.DataFrame({"solver": "lottery ticket", "iteration": steps, "share": (1 - self.share) ** steps})]
        for (name, (p, q)), solver in zip(PAIRS.items(), ("SAP(1/2, 1)", "SAP(1, 2)"), strict=True):
            index = rows[rows["solver"] == solver].pivot(index="trial", columns="iteration", values=f"pqi_{name}")
            kept = np.asarray(theory.adaptive_keep_share(index.to_numpy(), p, q))
            share = np.cumprod(np.c_[np.ones(len(kept)), kept[:, :-1]], axis=1).mean(axis=0)
            parts.append(pd.DataFrame({"solver": solver, "iteration": steps, "share": share}))
        return pd.concat(parts, ignore_index=True)
