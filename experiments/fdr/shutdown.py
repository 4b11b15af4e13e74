"""A map with a region that is switched off: a stand-in for the paper's application."""

import jax

from recover import models, solve

from ..fields import Count
from ..figure import Axis
from ..summaries import summarise
from .common import SurfaceFigure, Weights, cells_frame, fdr


class Shutdown(SurfaceFigure):
    """The drop along the boundary, and how well the boundary is found; one of the maps drawn."""

    cells: Count
    drop: Axis[float]
    shown: float
    weights: Weights

    def cell(self, drop):
        return models.ShutdownMap(self.cells, drop=drop), fdr(self.weights, self.levels)

    def tables(self, swept):
        columns = dict.fromkeys(["f1", "precision", "recall", "estimated_drop"], "mean")
        return {
            "drops": summarise(swept, ["drop"], **columns),
            "maps": swept.frame[["drop", "trial", "estimated_drop"]],
        }

    def predictions(self):
        model, solver = self.cell(self.shown)
        problem, truth = model.sample(jax.random.key(self.seed))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        return {"cells": cells_frame(problem, truth, estimate)}
