"""Both hyper-parameters by Stein's risk: the candidates are one sweep."""

import numpy as np
import pandas as pd
import pydantic
from scipy import stats

from recover import Table, solvers

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import SurfaceFigure, Weights, grid_error, means, surface


class Pair(pydantic.BaseModel):
    """Published estimates at one candidate."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    data_weight: Positive
    jump_penalty: Positive
    sure: Positive
    risk: Positive


class Sure(SurfaceFigure):
    """Stein's estimate next to the true risk."""

    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    probes: Count
    data_weights: Grid
    jump_penalties: Grid
    published: tuple[Pair, ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep: both hyper-parameters are traced, and every instance is the same for all candidates."""
        axes = {"data_weight": self.data_weights, "jump_penalty": self.jump_penalties}
        return {"candidates": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, data_weight, jump_penalty):
        model = surface(2, self.samples, self.noise, self.jump, self.cells)
        fdr = self.solver(Weights(data_weight=data_weight, jump_penalty=jump_penalty))
        return model, solvers.SteinRisk(fdr, probes=self.probes)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means per candidate, and per instance what the choice costs."""
        frame = swept["candidates"].frame
        by = ["data_weight", "jump_penalty"]
        candidates = means(frame, by, ["sure", "mse", "false_positive", "false_negative", "freedom"])
        candidates["grid_mse"] = grid_error(
            surface(2, self.samples, self.noise, self.jump, self.cells), self.seed, self.trials
        )
        # The risk on scaled outcomes is the error in outcome units over the squared range; the range hardly varies.
        choices = []
        for trial, rows in frame.groupby("trial"):
            picked, best = rows.loc[rows["sure"].idxmin()], rows.loc[rows["mse"].idxmin()]
            choices.append(
                {
                    "trial": trial,
                    "data_weight": picked["data_weight"],
                    "jump_penalty": picked["jump_penalty"],
                    "mse": picked["mse"],
                    "best": best["mse"],
                    "worst": rows["mse"].max(),
                    "correlation": float(stats.spearmanr(rows["sure"], rows["mse"]).statistic),
                }
            )
        references = pd.DataFrame([pair.model_dump() for pair in self.published]).merge(
            candidates, on=by, suffixes=("_published", "")
        )
        return {"candidates": candidates, "choices": pd.DataFrame(choices), "references": references}


def chosen(table: pd.DataFrame) -> tuple[float, float]:
    """The candidate of least mean estimated risk."""
    row = table.loc[np.argmin(table["sure"])]
    return float(row["data_weight"]), float(row["jump_penalty"])
