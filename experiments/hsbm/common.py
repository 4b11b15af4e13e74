"""What the figures of this paper share: graphs from rates, the algorithms compared, the information at each depth."""

import jax
import numpy as np
import pandas as pd

from recover import models, solvers, theory, trees

BOTTOM_UP, REFINED, TOP_DOWN = "bottom-up", "bottom-up, refined", "top-down"
# Those of the trees with two middle rates.
DEPTHS = (1, 2, 3)
# Sweeps of refinement, at most.
REFINEMENTS = 15


def planted(tree: trees.Tree, size: int, rates) -> models.HierarchicalSBM:
    """The graph whose densities are rates times log N / N."""
    nodes = tree.shape[1] * size
    return models.HierarchicalSBM(tree, size, np.asarray(rates, float) * np.log(nodes) / nodes)


def algorithms(bisection: solvers.TopDown, restarts: int = 8) -> dict:
    """Bottom-up without and with refinement, which share a program, and top-down."""
    return {
        BOTTOM_UP: solvers.BottomUp(restarts=restarts),
        REFINED: solvers.BottomUp(refinements=REFINEMENTS, restarts=restarts),
        TOP_DOWN: bisection,
    }


def informations(rates: np.ndarray, branching: int, nodes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Those of bottom-up and top-down at all depths, in double precision."""
    with jax.enable_x64(True):
        return (
            np.asarray(theory.bottom_up_information(rates, branching, nodes)),
            np.asarray(theory.top_down_information(rates, branching, nodes)),
        )


def information_over_plane(
    axis, first: float, last: float, branching: int = 2, nodes: int | None = None
) -> pd.DataFrame:
    """Both informations per depth where the middle rates a_1 <= a_2 of a tree of depth three are two values of `axis`."""
    one, two = (grid.reshape(-1) for grid in np.meshgrid(axis, axis, indexing="ij"))
    one, two = one[one <= two], two[one <= two]
    rates = np.stack([np.full_like(one, first), one, two, np.full_like(one, last)], axis=1)
    bottom, top = informations(rates, branching, nodes)
    found = [
        pd.DataFrame({"a_1": one, "a_2": two, "depth": q, "bottom_up": bottom[:, q - 1], "top_down": top[:, q - 1]})
        for q in DEPTHS
    ]
    return pd.concat(found, ignore_index=True)
