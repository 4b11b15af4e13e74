"""How far norms of mixtures are from norms of codes, against the prediction and the uniform bound."""

import numpy as np
import pandas as pd

from recover import Table, models, theory
from recover.padding import with_capacities

from ..figure import Figure
from .common import FLATNESS, KURTOSIS, Count, Counts, Trials, Weights, means, planted


class AFALaw(Figure):
    """Random dictionaries of several dimensions, with independent rows and with rows that share a direction."""

    dimensions: Counts
    actives: Counts
    width_ratio: Count
    shared_dimension: Count
    shares: Weights
    rows: Count
    trials: Trials

    def _model(self, dimension: int, share: float) -> models.PlantedFeatures:
        largest = max((*self.dimensions, self.shared_dimension))
        model = models.PlantedFeatures(
            dimension, self.width_ratio * dimension, self.actives, coherence=share**2, scaling="none"
        )
        sizes = {"dimension": largest, "features": self.width_ratio * largest}
        # One program for all dimensions.
        return with_capacities(model, {**dict(model.capacities), **sizes})

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Mean and standard deviation of the relative error of squared norms, by dimension, support and shared direction."""
        cells = [(d, 0.0) for d in self.dimensions]
        cells += [(self.shared_dimension, share) for share in self.shares if (self.shared_dimension, share) not in cells]
        found, bounds = [], []
        for dimension, share in cells:
            model = self._model(dimension, share)
            for trial in range(self.trials):
                features, rows, codes = planted(model, self.seed + trial, self.rows)
                norms, lengths = np.sum(rows**2, axis=1), np.sum(codes**2, axis=1)
                error, counts = norms / lengths - 1, np.sum(codes != 0, axis=1)
                found += [
                    {
                        "dim": dimension, "share": share, "active": k, "trial": trial,
                        "bias": float(np.mean(error[counts == k])), "spread": float(np.std(error[counts == k], ddof=1)),
                    }
                    for k in self.actives
                ]  # fmt: skip
                if trial == 0:
                    real = features[: self.width_ratio * dimension]
                    cosines = np.abs(real @ real.T) - np.eye(len(real))
                    bounds.append(
                        {
                            "dim": dimension, "share": share, "coherence": float(cosines.max()),
                            "slack": float(cosines.max()) * (len(real) - 1),
                            "welch_slack": float(theory.welch_coherence(len(real), dimension)) * (len(real) - 1),
                            "outside": float(self._outside(norms, lengths, cosines.max(), counts)),
                        }
                    )  # fmt: skip
        law = means(pd.DataFrame(found), ["dim", "share", "active"], ["bias", "spread"])
        law["predicted_spread"] = np.asarray(theory.afa_spread(law["dim"].to_numpy(), law["active"].to_numpy()))
        law["sharper_spread"] = np.asarray(
            theory.afa_spread(law["dim"].to_numpy(), law["active"].to_numpy(), KURTOSIS)
        )
        law["predicted_bias"] = np.asarray(
            theory.afa_bias(law["share"].to_numpy() ** 2, law["active"].to_numpy(), FLATNESS)
        )
        return {"law": law, "bounds": pd.DataFrame(bounds)}

    @staticmethod
    def _outside(norms, lengths, coherence, counts):
        """Share of codes outside of the sharper interval, with the size of the support in place of the width."""
        interval = theory.afa_interval(np.sqrt(norms), coherence, counts.astype(float))
        codes = np.sqrt(lengths)
        return np.mean((codes < np.asarray(interval.lower) * (1 - 1e-5)) | (codes > np.asarray(interval.upper) * (1 + 1e-5)))
