"""Both hyper-parameters by Stein's risk: the candidates are one sweep."""

import pandas as pd

from recover import solvers

from ..fields import Count, Positive
from ..figure import Axis
from ..summaries import summarise
from .common import SurfaceFigure, Weights, fdr, grid_error, surface


class Sure(SurfaceFigure):
    """Stein's estimate next to the true risk, and per instance what its choice costs.

    Both hyper-parameters are traced, and every instance is the same for all candidates.
    """

    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    probes: Count
    data_weight: Axis[Positive]
    jump_penalty: Axis[Positive]

    def _model(self):
        return surface(2, self.samples, self.noise, self.jump, self.cells)

    def cell(self, data_weight, jump_penalty):
        solver = fdr(Weights(data_weight=data_weight, jump_penalty=jump_penalty), self.levels)
        return self._model(), solvers.SteinRisk(solver, probes=self.probes)

    def tables(self, swept):
        columns = dict.fromkeys(["sure", "mse", "false_positive", "false_negative"], "mean")
        choices = []
        # The risk on scaled outcomes is the error in outcome units over the squared range; the range hardly varies.
        for trial, rows in swept.frame.groupby("trial"):
            regret = rows.loc[rows["sure"].idxmin(), "mse"] / rows["mse"].min()
            correlation = rows["sure"].corr(rows["mse"], method="spearman")
            choices.append({"trial": trial, "regret": regret, "correlation": correlation})
        return {
            "candidates": summarise(swept, ["data_weight", "jump_penalty"], **columns),
            "choices": pd.DataFrame(choices),
        }

    def predictions(self):
        return {"grid": pd.DataFrame({"mse": [grid_error(self._model(), self.seed, self.trials)]})}
