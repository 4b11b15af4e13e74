"""How many features the norm rule chooses when the dictionary is the planted one."""

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from recover import Table, models
from recover.core.selection import norm_matched_mask

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means
from .common import planted


class Choice(Figure):
    """The rule applied to the true code and to a one-shot encoder."""

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Mean number chosen by the true one, and the share of chosen features that are right."""
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        choose = eqx.filter_jit(jax.vmap(norm_matched_mask))
        found = []
        for trial in range(self.trials):
            features, rows, truth = planted(model, self.seed + trial, self.rows)
            counts, norms = np.sum(truth != 0, axis=1), np.linalg.norm(rows, axis=1)
            for name, codes in (("true code", truth), ("one-shot encoder", np.maximum(rows @ features.T, 0))):
                kept = np.asarray(choose(codes, norms))
                right = np.sum(kept & (truth != 0), axis=1) / np.maximum(kept.sum(axis=1), 1)
                found += [
                    {"code": name, "active": k, "trial": trial, "chosen": kept.sum(axis=1)[counts == k].mean(),
                     "precision": right[counts == k].mean()}
                    for k in self.actives
                ]  # fmt: skip
        return {"chosen": means(pd.DataFrame(found), ["code", "active"], ["chosen", "precision"])}
