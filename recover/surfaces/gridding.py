"""From scattered points to values on a grid."""

import functools
import math

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.data import as_data, as_mask, as_sizes, in_one_dtype, require_finite, require_same_labels, shown
from ..core.leaves import is_concrete

# Cells that look for their nearest point side by side.
_CHUNK = 16


def cell_centres(cells: tuple[int, ...]) -> Float[Array, "*cells dimension"]:
    r"""Centres $(i + 1/2) h$ of the cells of a grid whose longest side has length one, $h$ the side of a cell."""
    dtype = jnp.zeros(()).dtype
    axes = [(jnp.arange(size, dtype=dtype) + 0.5) / max(cells) for size in cells]
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)


def grid_means(points, outcomes, cells, used=None, *, box=None) -> Float[Array, "*cells"]:
    r"""Mean outcome of the points in each cell; an empty cell takes the outcome of the point nearest to its centre.

    **Arguments:**

    - `points`: shape (points, dimension), in the box.
    - `outcomes`: one per point.
    - `cells`: numbers $n_j$ of cells per axis (static).
    - `used`: which points count; all by default.
    - `box`: the lower and the upper corner of the grid, shape (2, dimension); by default
      $[0, n_1 h] \times \dots \times [0, n_d h]$ with $h = 1 / \max_j n_j$, so that the longest side has length one.
      Distances are those after every axis has been scaled to that.

    **Raises:** `ValueError` when shapes do not fit, a number is not finite, or a point lies outside of the box; `TypeError` for
    complex data and for what is no array of numbers.
    """
    owner = "grid_means"
    require_same_labels(owner, "points", points, "outcomes", outcomes)
    points = as_data(owner, "points", points, "points dimension")
    outcomes = as_data(owner, "outcomes", outcomes, "points")
    dimension = points.shape[1]
    cells = as_sizes(owner, "cells", cells, dimension, f"{dimension} positive integers, one per axis, are allowed")
    if outcomes.shape != points.shape[:1]:
        raise ValueError(
            f"{owner}: `outcomes` has shape {outcomes.shape}; {points.shape[:1]}, one per point, is allowed."
        )
    if used is not None:
        used = as_mask(owner, "used", used, outcomes.shape)
    points, outcomes = in_one_dtype(owner, points=points, outcomes=outcomes)
    sides = unit_box(cells)[1]
    if box is not None:
        corners = as_data(owner, "box", box, "corners dimension")
        if corners.shape != (2, len(cells)) or (is_concrete(corners) and np.any(np.asarray(corners[0] >= corners[1]))):
            raise ValueError(
                f"{owner}: `box` is {shown(box)}; a lower and an upper corner of {len(cells)} numbers each, in order, are "
                "allowed."
            )
        (corners,) = in_one_dtype(owner, like=points, box=corners)
        require_inside(owner, points, used, corners)
        points = (points - corners[:1]) / (corners[1:] - corners[:1]) * jnp.asarray(sides, points.dtype)[None]
    else:
        require_inside(owner, points, used, unit_box(cells))
    return _grid_means(points, outcomes, cells, used)


def unit_box(cells: tuple[int, ...]) -> np.ndarray:
    """The lower and the upper corner of the box of a grid whose longest side has length one."""
    sides = np.asarray(cells) / max(cells)
    return np.stack([0 * sides, sides])


def require_inside(owner: str, points, used, corners) -> None:
    """Raises `ValueError` for a point that counts and lies outside of a box, up to rounding."""
    if not all(is_concrete(each) for each in (points, corners)) or isinstance(used, jax.core.Tracer):
        return
    found, (lower, upper) = np.asarray(points), np.asarray(corners)
    slack = 1e-5 * (upper - lower)
    outside = np.any((found < lower - slack) | (found > upper + slack), axis=1)
    outside &= True if used is None else np.asarray(used)
    if np.any(outside):
        first = int(np.argmax(outside))
        raise ValueError(
            f"{owner}: `points` has {int(outside.sum())} of {len(found)} points outside of the box from {lower.tolist()} to "
            f"{upper.tolist()}, the first is {found[first].tolist()}; scale them, or give `grid_means` the corners "
            "as `box=(lower, upper)`."
        )


@functools.partial(jax.jit, static_argnames="cells")
def _grid_means(points, outcomes, cells, used):
    rows = points.shape[0]
    used = jnp.ones(rows, bool) if used is None else used
    sizes = jnp.asarray(cells, jnp.int32)[None, :]
    index = jnp.clip(jnp.floor(points * max(cells)).astype(jnp.int32), 0, sizes - 1)
    flat = index[:, 0]
    for axis in range(1, len(cells)):
        flat = flat * cells[axis] + index[:, axis]
    total = math.prod(cells)
    weights = used.astype(outcomes.dtype)
    sums = jnp.zeros(total, outcomes.dtype).at[flat].add(jnp.where(used, outcomes, 0))
    counts = jnp.zeros(total, outcomes.dtype).at[flat].add(weights)

    def nearest(centre):
        distance = jnp.sum((points - centre[None, :]) ** 2, axis=1)
        return outcomes[jnp.argmin(jnp.where(used, distance, jnp.inf))]

    def filled(_):
        # Where points are scarce a fifth of the cells may be empty: a search over all points, a few cells at a time.
        centres = cell_centres(cells).reshape(total, len(cells)).astype(points.dtype)
        return jax.lax.map(nearest, centres, batch_size=min(_CHUNK, total))

    holes = jax.lax.cond(jnp.any(counts == 0), filled, lambda _: jnp.zeros(total, outcomes.dtype), None)
    means = jnp.where(counts > 0, sums / jnp.maximum(counts, 1), holes)
    return means.reshape(cells)


def fill_empty(values, known) -> Float[Array, "*cells"]:
    """Values on a grid with every unknown cell given the value of the nearest known one.

    **Arguments:**

    - `values`: one per cell; what unknown cells hold does not matter.
    - `known`: truth values of the same shape, at least one of them true.

    **Raises:** `ValueError` when the shapes differ, a known value is not finite or none is known; `TypeError` for complex data and
    for what is no array of numbers.
    """
    owner = "fill_empty"
    values = as_data(owner, "values", values, "...", finite=False)
    if values.ndim == 0:
        raise ValueError(f"{owner}: `values` has shape (); a grid is allowed.")
    known = as_mask(owner, "known", known, values.shape)
    if is_concrete(known) and not np.any(np.asarray(known)):
        raise ValueError(f"{owner}: `known` is false everywhere; at least one known cell is allowed.")
    if is_concrete(known) and is_concrete(values):
        values = np.where(np.asarray(known), np.asarray(values), 0)
        require_finite(owner, "values", values)
    values, known = in_one_dtype(owner, values=values)[0], jnp.asarray(known)
    centres = cell_centres(values.shape).reshape(values.size, values.ndim).astype(values.dtype)
    flat, mask = values.reshape(-1), known.reshape(-1)

    def nearest(centre):
        distance = jnp.sum((centres - centre[None, :]) ** 2, axis=1)
        return flat[jnp.argmin(jnp.where(mask, distance, jnp.inf))]

    found = jax.lax.map(nearest, centres, batch_size=min(_CHUNK, values.size))
    return jnp.where(mask, flat, found).reshape(values.shape)
