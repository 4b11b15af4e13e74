"""Piecewise smooth regression surfaces with planted jumps, sampled at random points."""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Real, Size, count, leaf, size
from ..core.leaves import is_concrete
from ..core.model import AbstractModel
from ..core.numbers import norm, ratio
from ..core.sizes import capacity, row_mask
from .gridding import cell_centres, fill_empty, grid_means
from .jumps import Surface, jump_metrics, jump_sides, steps, with_neighbours
from .problem import SurfaceProblem

__all__ = ["JumpSurface", "ShutdownMap"]

# Jumps of the wave: where, and how high.
WAVE_JUMPS = ((0.2013934, 0.6), (0.4023231, 1.0), (0.590349, 1.5), (0.7893434, -2.0))
# Mean distance of a uniform point in the unit square, and the unit cube, from the centre.
_MEAN_RADIUS = {2: (math.sqrt(2) + math.log(1 + math.sqrt(2))) / 6, 3: 0.4802959782}
_RADIUS = 0.25


class JumpSurface(AbstractModel[Array, SurfaceProblem, Surface]):
    r"""$Y_i = f(X_i) + \sigma \varepsilon_i$ at uniform points of $[0, 1]^d$, for a function with jumps in one to three dimensions.

    - $d = 1$: a wave, $g(x) = x^2 + \sin 10 x + \kappa \sum_j h_j 1\{x > c_j\}$ with four jumps `WAVE_JUMPS`, scaled to
      $f = (g - \min g) / \max g$, where the extremes are those at $\kappa = 1$. `jump` is $\kappa$.
    - $d = 2, 3$: a cone, $f = r$ for $r < 1/4$ and $f = r + J$ beyond, $r$ the distance from the centre. `jump` is
      $\delta = J / \sqrt{\operatorname{Var} r + \sigma^2}$, the jump in standard deviations of the outcome without it.

    Solvers see the mean outcome of each of $n^d$ cells, scaled by the extremes of the outcomes. The truth is $f$ at the centres of
    the cells, with the planted jump in every cell that a next one is separated from by the jump set. `samples` (with a
    capacity), the noise and the jump are traced; `dimension` and `cells` are static.

    Source: F. Gunsilius and D. Van Dijcke, "Free Discontinuity Regression: With an Application to the Economic Effects of
    Internet Shutdowns", arXiv:2309.14630 (gunsilius2023), and its published code.
    """

    dimension: int = count(1, 3)
    cells: int = count(2)
    samples: Size = size(1)
    noise: Real = leaf(rule="standard deviation")
    jump: Real = leaf(rule="nonnegative")

    def __init__(self, dimension: int, samples, cells: int | None = None, noise=0.05, jump=None):
        r"""**Arguments:**

        - `dimension`: 1, 2 or 3.
        - `samples`: number $N \ge 1$ of points.
        - `cells`: cells per side; by default about 20 points fall into one in one or two dimensions, and 1.5 in three:
          $\lfloor (N/20)^{1/d} \rfloor$ and $\lfloor (2N/3)^{1/3} \rfloor$, which needs a known `samples`.
        - `noise`: standard deviation $\sigma$.
        - `jump`: $\kappa$ (1 by default) in one dimension, $\delta$ (0.5 by default) in two and three.

        **Raises:** `ValueError` for an impossible number.
        """
        self.dimension, self.samples, self.noise = dimension, samples, noise
        self.jump = (1.0 if dimension == 1 else 0.5) if jump is None else jump
        self.cells = _usual_cells(dimension, samples) if cells is None else cells

    @property
    def height(self) -> Float[Array, ""]:
        r"""The planted jump $J$ in outcome units (two and three dimensions); in one the largest, in absolute value."""
        if self.dimension == 1:
            return jnp.asarray(self.jump) * (2.0 / _wave_extremes()[1])
        variance = self.dimension / 12 - _MEAN_RADIUS[self.dimension] ** 2
        return jnp.asarray(self.jump) * jnp.sqrt(variance + jnp.asarray(self.noise) ** 2)

    def design(self, key: Key[Array, ""]) -> Float[Array, "points dimension"]:
        """Uniform points, as many as the capacity of `samples`."""
        return draws.uniform(key, (capacity(self, "samples"), self.dimension))

    def outcomes(self, key: Key[Array, ""], points: Float[Array, "points dimension"]) -> Float[Array, " points"]:
        r"""$f(x_i) + \sigma \varepsilon_i$ at given points $x_i$."""
        smooth, jumping = self.parts(points)
        return smooth + jumping + jnp.asarray(self.noise, points.dtype) * draws.normal(key, points.shape[:1])

    def observe(self, key: Key[Array, ""], design: Float[Array, "points dimension"]) -> tuple[SurfaceProblem, Surface]:
        """Outcomes averaged over cells; the truth is the function at their centres, and its jumps."""
        used = row_mask(self.samples, design.shape[0])
        outcomes = self.outcomes(key, design)
        means = grid_means(design, outcomes, self.shape, used)
        lower = jnp.min(jnp.where(used, outcomes, jnp.inf))
        upper = jnp.max(jnp.where(used, outcomes, -jnp.inf))
        return SurfaceProblem(means, lower=lower, upper=upper), self.truth(design.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells along every axis."""
        return (self.cells,) * self.dimension

    def truth(self, dtype) -> Surface:
        r"""$f$ at the centres of the cells, with the planted jump in each cell that a next one is separated from."""
        centres = cell_centres(self.shape).astype(dtype)
        smooth, jumping = self.parts(centres)
        # Whether there is a jump is told by whole numbers: compiled, two equal heights may differ by rounding.
        return Surface(smooth + jumping, jnp.where(steps(self.piece(centres)) > 0, steps(jumping), 0))

    def piece(self, points: Float[Array, "*points dimension"]) -> Float[Array, "*points"]:
        """The number of the piece that each point lies on: how many jumps are to its left, or whether it is outside."""
        if self.dimension == 1:
            return sum((points[..., 0] > place).astype(points.dtype) for place, _ in WAVE_JUMPS)
        radius = norm(points - 0.5, -1)
        return (radius >= _RADIUS).astype(points.dtype)

    def parts(
        self, points: Float[Array, "*points dimension"]
    ) -> tuple[Float[Array, "*points"], Float[Array, "*points"]]:
        """The function at points, as a continuous part and a piecewise constant one."""
        dtype = points.dtype
        if self.dimension == 1:
            low, high = _wave_extremes()
            jump = jnp.asarray(self.jump, dtype)
            x = points[..., 0]
            jumps = sum(height * (x > place).astype(dtype) for place, height in WAVE_JUMPS)
            return (x**2 + jnp.sin(10 * x) - low) / high, jump * jumps / high
        radius = norm(points - 0.5, -1)
        return radius, self.height.astype(dtype) * self.piece(points)

    def error(self, truth: Surface, estimate: Surface) -> Float[Array, ""]:
        """Root mean squared error over cells, in outcome units; there is no ambiguity."""
        return jnp.sqrt(jnp.mean((estimate.values - truth.values) ** 2))

    def metrics(self, truth: Surface, estimate: Surface) -> dict[str, Float[Array, ""]]:
        """`mse`, and how well the jumps are found and measured (`recover.surfaces.jumps.jump_metrics`).

        On a line also, for every jump from the left, whether it is `located_<number>`, to a cell, and its `size_<number>`.
        """
        found = {"mse": jnp.mean((estimate.values - truth.values) ** 2), **jump_metrics(truth, estimate)}
        if self.dimension == 1:
            centres = cell_centres(self.shape)[:, 0]
            for number, (place, _) in enumerate(WAVE_JUMPS, 1):
                cell = jnp.sum(centres <= place, dtype=jnp.int32) - 1
                near = jnp.abs(jnp.arange(self.cells, dtype=jnp.int32) - cell) <= 1
                sizes = jnp.where(near, estimate.sizes, 0)
                found[f"located_{number}"] = jnp.any(near & estimate.jumps).astype(sizes.dtype)
                found[f"size_{number}"] = jnp.max(sizes)
        return found


def _usual_cells(dimension: int, samples) -> int:
    """Cells per side such that a usual number of points falls into each.

    **Raises:** `ValueError` for a traced number of points, which decides no shape.
    """
    if not is_concrete(samples):
        raise ValueError("JumpSurface: `samples` is traced; a number, or `cells` besides, is allowed.")
    points = max(float(np.max(np.asarray(samples))), 1)
    per_side = {1: points / 20, 2: (points / 20) ** (1 / 2), 3: (2 * points / 3) ** (1 / 3)}.get(dimension, 2)
    return max(2, int(per_side + 1e-9))


@functools.cache
def _wave_extremes() -> tuple[float, float]:
    """Minimum and maximum of the wave before it is scaled, on a fine grid of the unit interval."""
    x = np.linspace(0, 1, 200_001)
    g = x**2 + np.sin(10 * x) + sum(height * (x > place) for place, height in WAVE_JUMPS)
    return float(g.min()), float(g.max())


class ShutdownMap(AbstractModel[None, SurfaceProblem, Surface]):
    r"""Economic activity on a map in which a region is switched off: a stand-in of the structure of the paper's application.

    Cell values are $130\,(1 + s(x))\,(1 - \delta 1\{x \in R\})\, e^{\omega \varepsilon - \omega^2/2}$ with a smooth trend $s$ of
    $\pm 10/130$, a region $R$ of three overlapping discs whose centres and radii are drawn, and independent $\varepsilon \sim N(0, 1)$. A
    share of the cells, drawn too, has no data and takes the value of the nearest that has. Values are capped at a quantile of
    those observed.

    **Arguments:**

    - `cells`: cells per side (static).
    - `drop`: share $\delta$ of the activity that the region loses, below one.
    - `spread`: standard deviation $\omega$ of the logarithm of the noise.
    - `empty`: share of cells without data, below one.
    - `cap`: quantile at which values are capped.

    **Raises:** `ValueError` for an impossible number.

    Source: built here, in the shape of the application of F. Gunsilius and D. Van Dijcke, arXiv:2309.14630 (gunsilius2023).
    """

    cells: int = count(2)
    drop: Real = leaf(0.3, "decay")
    spread: Real = leaf(0.25, "nonnegative")
    empty: Real = leaf(0.3, "decay")
    cap: Real = leaf(0.95, "share")

    def design(self, key: Key[Array, ""]) -> None:
        """Nothing: maps share neither regions nor noise."""
        return None

    def observe(self, key: Key[Array, ""], design: None) -> tuple[SurfaceProblem, Surface]:
        """A map with noise and holes filled; the truth is the activity without them, with the boundary of the region."""
        shape = (self.cells, self.cells)
        centres = cell_centres(shape)
        key_region, key_noise, key_holes = draws.split(key, 3)
        truth = self._truth(key_region, centres)
        noise = jnp.exp(self.spread * draws.normal(key_noise, shape) - self.spread**2 / 2)
        known = draws.uniform(key_holes, shape) >= self.empty
        raw = truth.values * noise
        cap = jnp.nanquantile(jnp.where(known, raw, jnp.nan), self.cap)
        values = fill_empty(jnp.minimum(raw, cap), known)
        return SurfaceProblem(values), truth

    def _truth(self, key, centres) -> Surface:
        discs = draws.uniform(key, (3, 3))
        # Centres near the middle of the map, so that the discs overlap and the region stays within.
        middle, radius = 0.35 + 0.3 * discs[:, :2], 0.14 + 0.08 * discs[:, 2]
        distance = norm(centres[:, :, None, :] - middle[None, None], -1)
        region = jnp.any(distance <= radius[None, None, :], axis=-1)
        trend = 10 * jnp.sin(math.pi * centres[..., 0]) * jnp.cos(math.pi * centres[..., 1])
        activity = 130 + trend
        off = self.drop * region.astype(centres.dtype)
        # Jump sizes are those of the level at hand; the trend varies by less than a tenth of it.
        return Surface(activity * (1 - off), steps(off) * activity)

    def error(self, truth: Surface, estimate: Surface) -> Float[Array, ""]:
        """Root mean squared error over cells relative to the truth's root mean square."""
        return jnp.sqrt(jnp.mean((estimate.values - truth.values) ** 2) / jnp.mean(truth.values**2))

    def metrics(self, truth: Surface, estimate: Surface) -> dict[str, Float[Array, ""]]:
        r"""Besides those of `recover.surfaces.jumps.jump_metrics`, the scores of the boundary and the drop along it.

        - `precision`, `recall`, `f1`: of detected cells against the region's boundary, neighbours counted as hits.
        - `estimated_drop`: mean of one minus the ratio of the lower to the upper side, over detected boundary cells.
        """
        found = jump_metrics(truth, estimate)
        dtype = truth.values.dtype
        near = with_neighbours(truth.jumps)
        detected = jnp.sum(estimate.jumps).astype(dtype)
        precision = jnp.sum(estimate.jumps & near).astype(dtype) / jnp.maximum(detected, 1)
        recall = 1 - found["false_negative"]
        right = estimate.jumps & near
        lower, upper = jump_sides(estimate.values, estimate.jumps)
        share = jnp.where(right, 1 - lower / jnp.where(right, upper, 1), 0)
        return {
            **found,
            "precision": precision,
            "recall": recall,
            "f1": ratio(2 * precision * recall, precision + recall),
            "estimated_drop": jnp.sum(share) / jnp.sum(right).astype(dtype),
        }
