"""Training from scratch: errors and recovery against the number of active neurons."""

import numpy as np
import pandas as pd
from scipy import stats

from recover import autoencoders as pieces
from recover import solvers

from ..fields import Count, Counts
from ..summaries import means
from .common import TrainingFigure

_MEASURED = ["recovered_90", "l0", "nmse", "ratio", "correlation", "afa_l0", "afa_correlation"]


class Trained(TrainingFigure):
    """Top-AFA, TopK and BatchTopK on standardised planted rows with supports of several sizes."""

    width: Count
    topk: Counts
    batch_topk: Counts
    revive: bool

    def cell(self):
        found = {f"top-AFA: {weight:g}": self._training(pieces.TopAFA(), weight) for weight in self.weights}
        found |= {f"TopK: {k}": self._training(pieces.TopK(k)) for k in self.topk}
        found |= {f"BatchTopK: {k}": self._training(pieces.BatchTopK(float(k))) for k in self.batch_topk}
        return self.model(), found

    def _training(self, activation, weight=None):
        control = pieces.NoControl() if weight is None else self.norm_matching(weight)
        if self.revive:
            control = pieces.Together((control, pieces.DeadNeurons()))
        # Detectors as long as with a uniform Kaiming start.
        encoder = pieces.FreeEncoder(float(np.sqrt(2 * self.dimension / self.width)))
        return solvers.AutoencoderTraining(self.width, activation, control, encoder, self.optimiser(), self.batch)

    def tables(self, swept):
        frame = self.on_unseen_rows(swept)
        parts = frame["solver"].str.split(": ", expand=True)
        frame = frame.assign(method=parts[0], setting=parts[1].astype(float))
        trained = means(frame, ["method", "setting"], _MEASURED)
        return {"trained": trained, "test": pd.DataFrame([_welch(frame, trained)])}


def _welch(frame: pd.DataFrame, trained: pd.DataFrame) -> dict[str, float]:
    """Welch's test of the least errors of top-AFA and of the others, as in the paper."""
    samples = []
    for _, rows in trained.groupby(trained["method"] != "top-AFA"):
        best = rows.loc[rows["nmse"].idxmin()]
        samples.append(frame.loc[(frame["method"] == best["method"]) & (frame["setting"] == best["setting"]), "nmse"])
    test = stats.ttest_ind(*samples, equal_var=False)
    return {"p_value": float(test.pvalue), "gain": float(1 - samples[0].mean() / samples[1].mean())}
