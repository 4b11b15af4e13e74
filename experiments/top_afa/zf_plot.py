"""The ZF plot of codes that are right, dense, too sparse and too many."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
from scipy.optimize import nnls

from recover import diagnostics, models

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means
from .common import planted


class ZFPlot(Figure):
    """Planted rows and five ways to write them with the planted dictionary; dots are rows of the first trial."""

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials
    shown: Count

    def tables(self, swept):
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        found, dots = [], []
        for trial in range(self.trials):
            features, rows, truth = planted(model, self.seed + trial, self.rows)
            active = np.sum(truth != 0, axis=1)
            for name, codes in _codes(features, rows, truth, active).items():
                pair = jnp.asarray(rows), jnp.asarray(codes, jnp.float32)
                ratio = np.asarray(diagnostics.norm_ratio(*pair))
                slack = np.asarray(diagnostics.eps_lbo(*pair)) * (self.features - 1)
                # Of a code of zeros nothing is known.
                slack = np.where(np.isfinite(slack), slack, np.nan)
                measured = pd.DataFrame({"active": active, "ratio": ratio, "slack": slack})
                found.append(measured.groupby("active").median().reset_index().assign(code=name, trial=trial))
                if trial == 0:
                    norms = np.linalg.norm(rows, axis=1)
                    dots.append(pd.DataFrame({"code": name, "z": norms, "f": norms * ratio}).head(self.shown))
        return {
            "ratios": means(pd.concat(found), ["code", "active"], ["ratio", "slack"]),
            "dots": pd.concat(dots, ignore_index=True),
        }


def _codes(features, rows, truth, active) -> dict[str, np.ndarray]:
    one_shot = np.maximum(rows @ features.T, 0)
    order = np.argsort(np.argsort(-one_shot, axis=1), axis=1)
    dictionary = features.T.astype(float)
    return {
        "true": truth,
        "NNLS": np.stack([nnls(dictionary, row.astype(float))[0] for row in rows]),
        "dense": rows @ np.linalg.pinv(features),
        "encoder, k/2 kept": np.where(order < active[:, None] // 2, one_shot, 0),
        "encoder, 4k kept": np.where(order < 4 * active[:, None], one_shot, 0),
    }
