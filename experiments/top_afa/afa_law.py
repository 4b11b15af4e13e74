"""How far norms of mixtures are from norms of codes, against the prediction and the uniform bound."""

import numpy as np
import pandas as pd

from recover import models, theory
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
        # One program for all dimensions.
        return with_capacities(model, {**dict(model.capacities), "dimension": largest, "features": widest})

    def tables(self, swept):
        cells = [(d, self.width_ratio, 0.0) for d in self.dimensions]
        cells.append((min(self.dimensions), self.other_ratio, 0.0))
        cells += [(self.shared_dimension, self.width_ratio, share) for share in self.shares if share > 0]
        found, bounds = [], []
        for cell in cells:
            where = dict(zip(("dim", "ratio", "share"), cell, strict=True))
            for trial in range(self.trials):
                features, rows, codes = planted(self._model(*cell), self.seed + trial, self.rows)
                active, norms, lengths = np.sum(codes != 0, axis=1), np.sum(rows**2, axis=1), np.sum(codes**2, axis=1)
                errors = pd.Series(norms / lengths - 1).groupby(active)
                # Supports overlap, so the mean over one dictionary has an error of its own: squares are taken about zero,
                # the mean over dictionaries, unless rows share a direction.
                square = errors.var() if where["share"] else errors.var(ddof=0) + errors.mean() ** 2
                measured = pd.DataFrame({"bias": errors.mean(), "square": square}).rename_axis("active").reset_index()
                found.append(measured.assign(**where, trial=trial))
                if trial == 0:
                    bounds.append({**where, **_bounds(features[: cell[0] * cell[1]], cell[0], active, norms, lengths)})
        law = means(pd.concat(found), ["dim", "ratio", "share", "active"], ["bias", "square"])
        for end in ("", "_low", "_high"):
            law[f"spread{end}"] = np.sqrt(np.maximum(law.pop(f"square{end}"), 0))
        dimension, active, coherence = law["dim"].to_numpy(), law["active"].to_numpy(), law["share"].to_numpy() ** 2
        law["predicted_spread"] = np.asarray(theory.afa_spread(dimension, active))
        law["sharper_spread"] = np.asarray(theory.afa_spread(dimension, active, KURTOSIS))
        law["predicted_bias"] = np.asarray(theory.afa_bias(coherence, active, FLATNESS))
        return {"law": law, "bounds": pd.DataFrame(bounds)}


def _bounds(features, dimension, active, norms, lengths) -> dict[str, float]:
    """Coherence times one less than the number of rows, with that of Welch's bound; share of codes outside of the interval.

    The interval is the sharper one, with the size of the support in place of the number of rows.
    """
    count = len(features)
    coherence = np.max(np.abs(features @ features.T) - np.eye(count))
    interval = theory.afa_interval(np.sqrt(norms), coherence, active.astype(float))
    codes, lower, upper = np.sqrt(lengths), np.asarray(interval.lower), np.asarray(interval.upper)
    return {
        "slack": float(coherence) * (count - 1),
        "welch_slack": float(theory.welch_coherence(count, dimension)) * (count - 1),
        "outside": float(np.mean((codes < lower * (1 - 1e-5)) | (codes > upper * (1 + 1e-5)))),
    }
