"""Nonconvex penalties against l1 on correlated designs."""

from typing import Annotated, Literal

import numpy as np
import pydantic

from recover import models, penalties, solvers

from ..fields import Count, Positive
from ..figure import Axis, SweepFigure
from ..summaries import differences, means

Correlation = Annotated[float, pydantic.Field(gt=-1, lt=1)]
Name = Literal["l1", "SCAD", "MCP", "l1/2", "l0"]


class NonconvexPenalties(SweepFigure):
    """Error and support of penalised least squares; correlation and strength are traced, one program per penalty."""

    dimension: Count
    samples: Count
    sparsity: Count
    noise: Positive
    correlation: Axis[Correlation]
    strength: Axis[Positive]
    penalties: tuple[Name, ...]

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.sparsity > self.dimension:
            raise ValueError(f"`sparsity` is {self.sparsity}; at most {self.dimension} (the dimension) is allowed")
        return self

    def cell(self, correlation, strength):
        law = {"amplitudes": "signs", "ensemble": "correlated", "correlation": correlation}
        model = models.SparseRegression(self.dimension, self.samples, self.sparsity, noise=self.noise, **law)
        # Strengths are in units of the universal threshold for columns of unit norm.
        level = strength * self.noise * np.sqrt(2 * np.log(self.dimension))
        return model, {
            name: solvers.ProximalGradient(_penalty(name, level), accelerated=True) for name in self.penalties
        }

    def tables(self, swept):
        by = ["correlation", "solver", "strength"]
        best = means(swept.frame, by, ["error", "false_discovery", "power"])
        best = best.loc[best.groupby(by[:2], sort=False)["error"].idxmin()]
        # Paired over trials: every penalty sees the same instances.
        rows = best[by].merge(swept.frame, on=by)
        return {"best": best, "gain": differences(rows, ["correlation"], "error", "l1")}


def _penalty(name: Name, level: float):
    # An l_q penalty thresholds at a level that grows with a power of its strength; match the levels, so that a strength
    # means the same size of coefficient for every penalty.
    match name:
        case "l0":
            return penalties.LQ(level**2 / 2, exponent=0.0)
        case "l1/2":
            return penalties.LQ((level / 1.5) ** 1.5, exponent=0.5)
        case _:
            return {"l1": penalties.L1, "SCAD": penalties.SCAD, "MCP": penalties.MCP}[name](level)
