"""Four ways to prune a network that learns digits."""

import numpy as np
import pandas as pd

from recover import Table, theory

from .common import DigitsFigure, summary


class Methods(DigitsFigure):
    """The methods that the paper compares, on the same instances."""

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances, all trials of what the claims compare, and remaining shares predicted from the indices."""
        methods = self.methods(self.hidden, self.training_pictures)
        frame = self.trajectories(self.model, methods)
        columns = ["method", "trial", "iteration", "accuracy", "accuracy_pruned", "remaining", "live", "pqi_half"]
        return {
            "curves": summary(frame),
            "trials": frame.loc[frame["iteration"] >= 0, columns],
            "predicted": self._predicted(frame),
        }

    def _predicted(self, frame):
        """Remaining shares: 0.8^t, and products of what the index of every iteration keeps."""
        rows = frame[frame["iteration"] >= 0]
        parts = []
        for method, name, (p, q) in (("SAP(1/2, 1)", "half", (0.5, 1.0)), ("SAP(1, 2)", "two", (1.0, 2.0))):
            index = rows[rows["method"] == method].pivot(index="trial", columns="iteration", values=f"pqi_{name}")
            kept = np.asarray(theory.adaptive_keep_share(index.to_numpy(), p, q))
            share = np.cumprod(np.c_[np.ones(len(kept)), kept[:, :-1]], axis=1).mean(axis=0)
            parts.append(pd.DataFrame({"method": method, "iteration": index.columns, "share": share}))
        steps = np.arange(self.iterations + 1)
        parts.append(pd.DataFrame({"method": "lottery ticket", "iteration": steps, "share": (1 - self.share) ** steps}))
        return pd.concat(parts, ignore_index=True)
