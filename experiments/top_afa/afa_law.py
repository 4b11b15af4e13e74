"""How far norms of mixtures are from norms of codes, against the prediction and the uniform bound."""

import numpy as np
import pandas as pd

from recover import Table, models, theory
from recover.core.sizes import with_capacities

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means
from .common import FLATNESS, KURTOSIS, Weights, planted


class AFALaw(Figure):
    """Random dictionaries of several dimensions, with independent rows and with rows that share a direction."""

    dimensions: Counts
    actives: Counts
    width_ratio: Count
    other_ratio: Count
    shared_dimension: Count
    shares: Weights
    rows: Count
    trials: Trials

    def _model(self, dimension: int, ratio: int, share: float) -> models.PlantedFeatures:
        largest = max((*self.dimensions, self.shared_dimension))
        model = models.PlantedFeatures(dimension, ratio * dimension, self.actives, coherence=share**2, scaling="none")
        widest = max(self.width_ratio * largest, self.other_ratio * min(self.dimensions))
        sizes = {"dimension": largest, "features": widest}
        # One program for all dimensions.
        return with_capacities(model, {**dict(model.capacities), **sizes})

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Mean and standard deviation of the relative error of squared norms, by dimension, support and shared direction."""
        cells = [(d, self.width_ratio, 0.0) for d in self.dimensions]
        cells.append((min(self.dimensions), self.other_ratio, 0.0))
        cells += [(self.shared_dimension, self.width_ratio, share) for share in self.shares if share > 0]
        found, bounds = [], []
        for dimension, ratio, share in cells:
            model = self._model(dimension, ratio, share)
            for trial in range(self.trials):
                features, rows, codes = planted(model, self.seed + trial, self.rows)
                norms, lengths = np.sum(rows**2, axis=1), np.sum(codes**2, axis=1)
                error, counts = norms / lengths - 1, np.sum(codes != 0, axis=1)
                for k in self.actives:
                    own = error[counts == k]
                    # Supports overlap, so the mean over one dictionary has an error of its own: squares are taken about
                    # zero, the mean over dictionaries, unless rows share a direction.
                    square = np.mean(own**2) if share == 0 else np.var(own, ddof=1)
                    cell = {"dim": dimension, "ratio": ratio, "share": share, "active": k, "trial": trial}
                    found.append({**cell, "bias": float(np.mean(own)), "square": float(square)})
                if trial == 0:
                    real = features[: ratio * dimension]
                    cosines = np.abs(real @ real.T) - np.eye(len(real))
                    bounds.append(
                        {
                            "dim": dimension, "ratio": ratio, "share": share, "coherence": float(cosines.max()),
                            "slack": float(cosines.max()) * (len(real) - 1),
                            "welch_slack": float(theory.welch_coherence(len(real), dimension)) * (len(real) - 1),
                            "outside": float(self._outside(norms, lengths, cosines.max(), counts)),
                        }
                    )  # fmt: skip
        law = means(pd.DataFrame(found), ["dim", "ratio", "share", "active"], ["bias", "square"])
        for end in ("", "_low", "_high"):
            law[f"spread{end}"] = np.sqrt(np.maximum(law.pop(f"square{end}"), 0))
        law["predicted_spread"] = np.asarray(theory.afa_spread(law["dim"].to_numpy(), law["active"].to_numpy()))
        law["sharper_spread"] = np.asarray(theory.afa_spread(law["dim"].to_numpy(), law["active"].to_numpy(), KURTOSIS))
        law["predicted_bias"] = np.asarray(
            theory.afa_bias(law["share"].to_numpy() ** 2, law["active"].to_numpy(), FLATNESS)
        )
        return {"law": law, "bounds": pd.DataFrame(bounds)}

    @staticmethod
    def _outside(norms, lengths, coherence, counts):
        """Share of codes outside of the sharper interval, with the size of the support in place of the width."""
        interval = theory.afa_interval(np.sqrt(norms), coherence, counts.astype(float))
        codes = np.sqrt(lengths)
        return np.mean(
            (codes < np.asarray(interval.lower) * (1 - 1e-5)) | (codes > np.asarray(interval.upper) * (1 + 1e-5))
        )
