"""How many features the norm rule chooses when the dictionary is the planted one."""

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from recover import models
from recover.core.selection import norm_matched_mask

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means
from .common import planted


class Choice(Figure):
    """The rule applied to the true code and to a one-shot encoder: number chosen, and share of the chosen that are right."""

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials

    def tables(self, swept):
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        choose = eqx.filter_jit(jax.vmap(norm_matched_mask))
        found = []
        for trial in range(self.trials):
            features, rows, truth = planted(model, self.seed + trial, self.rows)
            norms = np.linalg.norm(rows, axis=1)
            for name, codes in (("true code", truth), ("one-shot encoder", np.maximum(rows @ features.T, 0))):
                kept = np.asarray(choose(codes, norms))
                chosen, right = kept.sum(axis=1), np.sum(kept & (truth != 0), axis=1)
                counted = {
                    "active": np.sum(truth != 0, axis=1),
                    "chosen": chosen,
                    "precision": right / np.maximum(chosen, 1),
                }
                by_active = pd.DataFrame(counted).groupby("active").mean().reset_index()
                found.append(by_active.assign(code=name, trial=trial))
        return {"chosen": means(pd.concat(found), ["code", "active"], ["chosen", "precision"])}
