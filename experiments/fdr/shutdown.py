"""A map with a region that is switched off: a stand-in for the paper's application."""

import jax
import numpy as np
import pandas as pd

from recover import Table, models, solve
from recover.surfaces.gridding import cell_centres

from ..fields import Count
from ..figure import Sweep
from .common import SurfaceFigure, Weights, cells_frame, means


class Shutdown(SurfaceFigure):
    """The drop along the boundary, and how well the boundary is found."""

    cells: Count
    drops: tuple[float, ...]
    shown: float
    weights: Weights

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep over the planted drop."""
        return {"maps": Sweep(self._cell, {"drop": self.drops}, self.trials, self.options())}

    def _cell(self, drop):
        return models.ShutdownMap(self.cells, drop=drop), self.solver(self.weights)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over maps, every map, and one of them drawn."""
        columns = ["error", "f1", "precision", "recall", "estimated_drop", "steps"]
        frame = swept["maps"].frame
        model, solver = self._cell(self.shown)
        problem, truth = model.sample(jax.random.key(self.seed))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        cells = cells_frame(
            np.asarray(cell_centres((self.cells, self.cells))),
            truth=truth.values,
            data=problem.outcomes(problem.observations),
            estimate=estimate.values,
            planted=truth.sizes,
            size=estimate.sizes,
        )
        return {
            "drops": means(frame, ["drop"], columns),
            "maps": frame[["drop", "trial", *columns]],
            "cells": cells,
        }
