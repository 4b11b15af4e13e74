"""Training from scratch: errors and recovery against the number of active neurons."""

import numpy as np
import pandas as pd
from scipy import stats

from recover import Table, models, solvers
from recover import autoencoders as pieces

from ..fields import Count, Counts, Positive, Trials
from ..figure import Figure, Sweep
from ..summaries import means
from .common import UNSEEN, Weights, unseen

COLUMNS = [
    "l0", "nmse", "recovered_90", "recovered_80", "mean_cosine", "ratio", "correlation", "afa_l0", "afa_nmse", "afa_correlation",
]  # fmt: skip


class Trained(Figure):
    """Top-AFA, TopK and BatchTopK on standardised planted rows with supports of several sizes."""

    dimension: Count
    features: Count
    actives: Counts
    width: Count
    batch: Count
    steps: Count
    rate: Positive
    weights: Weights
    topk: Counts
    batch_topk: Counts
    revive: bool
    trials: Trials

    def sweeps(self) -> dict[str, Sweep]:
        """All trainings."""
        options = {"seed": self.seed, "max_steps": self.steps, "measure": unseen}
        return {"trained": Sweep(self._cell, {"once": [0]}, self.trials, options)}

    def _cell(self, once):
        model = models.PlantedFeatures(
            self.dimension, self.features, self.actives, scaling="standard", summary_rows=256
        )
        settings = {f"top-AFA: {w:g}": (pieces.TopAFA(), w) for w in self.weights}
        settings |= {f"TopK: {k}": (pieces.TopK(k), None) for k in self.topk}
        settings |= {f"BatchTopK: {k}": (pieces.BatchTopK(float(k)), None) for k in self.batch_topk}
        return model, {name: self._training(*setting) for name, setting in settings.items()}

    def _training(self, activation, weight):
        control = None if weight is None else pieces.NormMatching.published(weight, self.dimension)
        if self.revive:
            own = pieces.NoControl() if control is None else control
            control = pieces.Together((own, pieces.DeadNeurons()))
        # Detectors as long as with a uniform Kaiming start.
        encoder = pieces.FreeEncoder(float(np.sqrt(2 * self.dimension / self.width)))
        optimiser = pieces.Adam(self.rate, steps=self.steps, decay_square=0.99)
        return solvers.AutoencoderTraining(self.width, activation, control, encoder, optimiser, self.batch)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rows and means by method and setting."""
        frame = swept["trained"].frame
        frame = frame.assign(**{name: frame[f"unseen_{name}"] for name in UNSEEN})
        parts = frame["solver"].str.split(": ", expand=True)
        frame = frame.assign(method=parts[0], setting=parts[1].astype(float))
        table = means(frame, ["method", "setting"], COLUMNS)
        return {
            "trained": table,
            "trials": frame[["method", "setting", "trial", "result", *COLUMNS]],
            "facts": pd.DataFrame([self._facts(frame, table)]),
        }

    def _facts(self, frame, table):
        """Sizes, and Welch's test of the least errors of top-AFA and of the others, as in the paper."""
        is_afa = table["method"] == "top-AFA"
        samples = []
        for rows in (table[is_afa], table[~is_afa]):
            best = rows.loc[rows["nmse"].idxmin()]
            samples.append(
                frame.loc[(frame["method"] == best["method"]) & (frame["setting"] == best["setting"]), "nmse"]
            )
        test = stats.ttest_ind(*samples, equal_var=False)
        facts = {"dim": self.dimension, "planted": float(np.mean(self.actives)), "width": self.width}
        return {**facts, "p_value": float(test.pvalue), "gain": float(1 - samples[0].mean() / samples[1].mean())}
