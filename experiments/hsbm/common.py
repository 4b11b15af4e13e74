"""What the figures of this paper share: graphs from rates, the algorithms compared, means over graphs."""

from typing import Annotated

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import models, solvers, theory, trees

from ..fields import Count, Positive
from ..figure import Figure

Share = Annotated[float, pydantic.Field(gt=0, le=1)]
Rates = Annotated[tuple[Positive, ...], pydantic.Field(min_length=1)]

BOTTOM_UP, REFINED, TOP_DOWN = "bottom-up", "bottom-up, refined", "top-down"
# Sweeps of refinement, at most.
_SWEEPS = 15


class CommunityFigure(Figure):
    """The fields that all simulations of this paper have."""

    size: Count
    trials: Count
    max_steps: Count

    def options(self, **more) -> dict:
        """Options of every sweep."""
        return {"seed": self.seed, "max_steps": self.max_steps, **more}


def planted(tree: trees.Tree, size: int, rates) -> models.HierarchicalSBM:
    """The graph whose densities are rates times log N / N."""
    nodes = tree.shape[1] * size
    return models.HierarchicalSBM(tree, size, np.asarray(rates, float) * np.log(nodes) / nodes)


def algorithms(levels: int, stopping: bool, restarts: int = 8) -> dict:
    """Bottom-up without and with refinement, which share a program, and top-down."""
    return {
        BOTTOM_UP: solvers.BottomUp(restarts=restarts),
        REFINED: solvers.BottomUp(refinements=_SWEEPS, restarts=restarts),
        TOP_DOWN: solvers.TopDown(levels, stopping),
    }


def means(frame: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Mean, standard error and number of graphs of some columns: `<column>`, `<column>_se`, `<column>_count`.

    What is not a number is left out, so a column has the mean over the graphs in which it is defined.
    """
    grouped = frame.groupby(by, sort=False)
    parts = {}
    for name in columns:
        parts[name] = grouped[name].mean()
        parts[f"{name}_se"] = grouped[name].sem().fillna(0.0)
        parts[f"{name}_count"] = grouped[name].count()
    return pd.DataFrame({**parts, "trials": grouped.size()}).reset_index()


def per_depth(depth: int, *names: str) -> list[str]:
    """Names of the columns of every depth."""
    return [f"{name}_{q}" for q in range(1, depth + 1) for name in names]


def informations(rates: np.ndarray, branching: int, nodes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Those of bottom-up and top-down at all depths, in double precision."""
    with jax.enable_x64(True):
        return (
            np.asarray(theory.bottom_up_information(rates, branching, nodes)),
            np.asarray(theory.top_down_information(rates, branching, nodes)),
        )


def paired(frame: pd.DataFrame, by: list[str], column: str, first: str, second: str) -> pd.DataFrame:
    """Mean difference of a column between two solvers on the same graphs, with its standard error."""
    wide = frame.set_index([*by, "trial", "solver"])[column].unstack("solver")
    difference = (wide[first] - wide[second]).groupby(level=by)
    return pd.DataFrame({"difference": difference.mean(), "se": difference.sem()}).reset_index()
