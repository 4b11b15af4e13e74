"""The ZF plot of codes that are right, dense, too sparse and too many."""

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from recover import Table, diagnostics, models, theory

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means
from .common import planted


class ZFPlot(Figure):
    """Planted rows and five ways to write them with the planted dictionary."""

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials
    shown: Count

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Norms of some rows, medians of the ratio by support, and the lines of the theorem."""
        found, dots = [], []
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        for trial in range(self.trials):
            features, rows, truth = planted(model, self.seed + trial, self.rows)
            counts = np.sum(truth != 0, axis=1)
            for name, codes in self._codes(features, rows, truth, counts).items():
                codes = codes.astype(np.float32)
                ratios = np.asarray(diagnostics.norm_ratio(rows, codes))
                needed = np.asarray(diagnostics.eps_lbo(rows, codes)) * (self.features - 1)
                # Of a code of zeros nothing is known.
                needed = np.where(np.isfinite(needed), needed, np.nan)
                found += [
                    {"code": name, "active": k, "trial": trial, "ratio": np.median(ratios[counts == k]),
                     "slack": np.nanmedian(needed[counts == k])}
                    for k in self.actives
                ]  # fmt: skip
                if trial == 0:
                    z = np.linalg.norm(rows, axis=1)[: self.shown]
                    dots.append(
                        pd.DataFrame(
                            {"code": name, "z": z, "f": z * ratios[: self.shown], "active": counts[: self.shown]}
                        )
                    )
        lines = []
        for slack in (0.25, 0.5, 1.0):
            # Coherence times one less than the number of rows is the slack.
            interval = theory.afa_interval(1.0, slack, 2)
            lines.append({"slack": slack, "lower": float(interval.lower), "upper": float(interval.upper)})
        facts = {"dense": np.sqrt(self.dimension / self.features)}
        return {
            "ratios": means(pd.DataFrame(found), ["code", "active"], ["ratio", "slack"]),
            "dots": pd.concat(dots, ignore_index=True),
            "lines": pd.DataFrame(lines),
            "facts": pd.DataFrame([facts]),
        }

    def _codes(self, features, rows, truth, counts):
        one_shot = np.maximum(rows @ features.T, 0)
        order = np.argsort(np.argsort(-one_shot, axis=1), axis=1)
        dictionary = features.T.astype(float)
        return {
            "true": truth,
            "NNLS": np.stack([nnls(dictionary, row.astype(float))[0] for row in rows]),
            "dense": rows @ np.linalg.pinv(features),
            "encoder, k/2 kept": np.where(order < counts[:, None] // 2, one_shot, 0),
            "encoder, 4k kept": np.where(order < 4 * counts[:, None], one_shot, 0),
        }
