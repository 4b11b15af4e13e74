"""Split conformal bands: how far from an estimated surface fresh outcomes lie."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.solving import solve
from .gridding import grid_means, require_inside, unit_box
from .problem import SurfaceProblem

__all__ = ["ConformalBand", "conformal_band"]


class ConformalBand(NamedTuple):
    """A band of half-width `width` around `values`, an estimate on the cells of a grid."""

    values: Float[Array, "*cells"]
    width: Float[Array, ""]

    def residuals(
        self, points: Float[Array, "points dimension"], outcomes: Float[Array, " points"]
    ) -> Float[Array, " points"]:
        """Distances of outcomes from the estimate in the cells that their points lie in.

        **Raises:** `ValueError` for a point outside of the grid.
        """
        shape = self.values.shape
        require_inside("ConformalBand.residuals", points, None, unit_box(shape))
        cells = jnp.clip((points * max(shape)).astype(jnp.int32), 0, jnp.asarray(shape)[None] - 1)
        return jnp.abs(outcomes - self.values[tuple(cells.T)])


def conformal_band(
    points: Float[Array, "points dimension"],
    outcomes: Float[Array, " points"],
    cells: tuple[int, ...],
    solver,
    coverage: float = 0.95,
    max_steps: int = 100,
) -> ConformalBand:
    r"""The band that covers a fresh outcome with at least a given probability, whatever the law of points and outcomes.

    The estimate is that from the first half of the points; the half-width is the $\lceil (n + 1) p \rceil$-th smallest of the
    $n$ residuals of the second half (the largest one, if there are too few), $p$ the `coverage`.

    **Arguments:**

    - `cells`: of the grid, whose longest side has length one.
    - `solver`: of a `SurfaceProblem`, run for at most `max_steps`.

    Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, "Distribution-free predictive inference for regression" (2018),
    Algorithm 2.
    """
    half = jnp.arange(points.shape[0]) < points.shape[0] // 2
    used = outcomes[: points.shape[0] // 2]
    problem = SurfaceProblem(grid_means(points, outcomes, cells, half), lower=jnp.min(used), upper=jnp.max(used))
    around = ConformalBand(solve(problem, solver, max_steps=max_steps).value.values, jnp.zeros(()))
    residuals = jnp.sort(around.residuals(points[len(used) :], outcomes[len(used) :]))
    rank = min(math.ceil((len(residuals) + 1) * coverage), len(residuals))
    return around._replace(width=residuals[rank - 1])
