"""Nonconvex penalties against l1 on correlated designs."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, penalties, solvers

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Threshold

PENALTIES = {
    "l1": lambda strength: penalties.L1(strength),
    "SCAD": lambda strength: penalties.SCAD(strength),
    "MCP": lambda strength: penalties.MCP(strength),
    "l1/2": lambda strength: penalties.LQ(strength, exponent=0.5),
    "l0": lambda strength: penalties.LQ(strength, exponent=0.0),
}


class NonconvexPenalties(Figure):
    """Error and support recovery of penalised least squares over correlation and penalty strength."""

    dimension: Count
    samples: Count
    sparsity: Count
    noise: Threshold
    correlations: tuple[float, ...] = pydantic.Field(min_length=1)
    strengths: tuple[Threshold, ...] = pydantic.Field(min_length=2)
    penalties: tuple[str, ...]
    trials: Count
    max_steps: Count

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.sparsity > self.dimension:
            raise ValueError(f"`sparsity` is {self.sparsity}; at most {self.dimension} (the dimension) is allowed")
        for value in self.correlations:
            if not -1 < value < 1:
                raise ValueError(f"`correlations` holds {value}; numbers strictly between -1 and 1 are allowed")
        for name in self.penalties:
            if name not in PENALTIES:
                raise ValueError(f"`penalties` holds {name!r}; allowed: {', '.join(PENALTIES)}")
        return self

    def sweeps(self) -> dict[str, Sweep]:
        """Correlation and strength are traced: one program per penalty."""
        axes = {"correlation": self.correlations, "strength": self.strengths}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, correlation, strength):
        model = models.SparseRegression(
            self.dimension,
            self.samples,
            self.sparsity,
            noise=self.noise,
            amplitudes="signs",
            ensemble="correlated",
            correlation=correlation,
        )
        # Strengths are in units of the universal threshold for columns of unit norm.
        scale = self.noise * np.sqrt(2 * np.log(self.dimension))
        return model, {
            name: solvers.ProximalGradient(_penalty(name, strength * scale), accelerated=True)
            for name in self.penalties
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means per penalty, correlation and strength, and at the strength with the smallest mean error."""
        frame = swept["grid"].frame
        columns = ["error", "false_discovery", "power", "signed_support", "support_size"]
        by = ["correlation", "solver", "strength"]
        groups = frame.groupby(by)[columns]
        cells = groups.mean().join(groups.sem(), rsuffix="_standard_error").reset_index()
        best = cells.loc[cells.groupby(["correlation", "solver"])["error"].idxmin()].reset_index(drop=True)
        # Paired over trials: every penalty sees the same instances.
        chosen = best[by].merge(frame, on=by)
        wide = chosen.pivot(index=["correlation", "trial"], columns="solver", values="error")
        pairs = []
        for name in self.penalties:
            if name != "l1" and "l1" in wide:
                gain = (wide["l1"] - wide[name]).groupby("correlation")
                pairs.append(
                    pd.DataFrame({"gain": gain.mean(), "standard_error": gain.sem()}).reset_index().assign(solver=name)
                )
        return {"cells": cells, "best": best, "gain": pd.concat(pairs, ignore_index=True) if pairs else pd.DataFrame()}


def _penalty(name: str, strength: float):
    # An l_q penalty thresholds at a level that grows with a power of its strength; match the levels, so that a strength
    # means the same size of coefficient for every penalty.
    match name:
        case "l0":
            return PENALTIES[name](strength**2 / 2)
        case "l1/2":
            return PENALTIES[name]((strength / 1.5) ** 1.5)
        case _:
            return PENALTIES[name](strength)
