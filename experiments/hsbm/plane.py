"""Bottom-up and top-down over the plane of the two middle densities of a tree of depth three, as one sweep."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, trees

from ..fields import Count, Positive
from ..figure import Sweep
from .common import (
    REFINED,
    TOP_DOWN,
    CommunityFigure,
    Rates,
    algorithms,
    informations,
    means,
    paired,
    per_depth,
    planted,
)

_DEPTH = 3
_LINE_POINTS = 61


class Plane(CommunityFigure):
    """Rates are traced: the whole plane is one program per algorithm."""

    branching: Count = pydantic.Field(ge=2)
    first: Positive
    last: Positive
    middle: Rates
    top_down_levels: Count
    stopping: bool
    restarts: Count = 8

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep over the cells with a_1 < a_2: elsewhere there are no communities of depth two."""
        axes = {"a_1": self.middle, "a_2": self.middle}
        return {"plane": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, a_1, a_2):
        if a_1 >= a_2:
            return None
        tree = trees.balanced_tree(_DEPTH, self.branching)
        model = planted(tree, self.size, (self.first, a_1, a_2, self.last))
        return model, algorithms(self.top_down_levels, self.stopping, self.restarts)

    @property
    def nodes(self) -> int:
        """Number of nodes of a graph."""
        return self.branching**_DEPTH * self.size

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Accuracies and exact recovery per cell, differences on the same graphs, and both informations."""
        frame = swept["plane"].frame
        columns = [
            *per_depth(_DEPTH, "accuracy", "ami", "exact"),
            "inversions",
            "leaves",
            "tree_recovered",
            "tree_correlation",
        ]
        by = ["a_1", "a_2"]
        cells = means(frame, ["solver", *by], columns)
        shortfalls = []
        for depth in range(1, _DEPTH + 1):
            # A partition into fewer communities than asked for counts as wrong here.
            scored = frame.assign(score=frame[f"accuracy_{depth}"].fillna(0.0))
            shortfalls.append(paired(scored, by, "score", REFINED, TOP_DOWN).assign(depth=depth))
        differences = pd.concat(shortfalls, ignore_index=True)
        lines = self._informations(np.linspace(min(self.middle), max(self.middle), _LINE_POINTS))
        here = self._informations(np.asarray(self.middle))
        tallies = pd.DataFrame(
            {
                "inversions": frame.groupby("solver")["inversions"].sum(),
                "most_inversions": frame.groupby("solver")["inversions"].max(),
                "leaves": frame.groupby("solver")["leaves"].mean(),
                "graphs": frame.groupby("solver").size(),
            }
        ).reset_index()
        return {
            "cells": cells.merge(here, on=by),
            "differences": differences.merge(here, on=by),
            "lines": lines,
            "tallies": tallies,
        }

    def _informations(self, axis: np.ndarray) -> pd.DataFrame:
        one, two = (grid.reshape(-1) for grid in np.meshgrid(axis, axis, indexing="ij"))
        keep = one <= two
        one, two = one[keep], two[keep]
        rates = np.stack([np.full_like(one, self.first), one, two, np.full_like(one, self.last)], axis=1)
        table = pd.DataFrame({"a_1": one, "a_2": two})
        for name, info in zip(("bottom_up", "top_down"), informations(rates, self.branching, self.nodes), strict=True):
            for depth in range(1, _DEPTH + 1):
                table[f"{name}_{depth}"] = info[:, depth - 1]
        return table
