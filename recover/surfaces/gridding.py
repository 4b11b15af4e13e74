"""From scattered points to values on a grid."""

import functools
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# Cells that look for their nearest point side by side.
_CHUNK = 16


def cell_centres(cells: tuple[int, ...]) -> Float[Array, "*cells dimension"]:
    r"""Centres $(i + 1/2) h$ of the cells of a grid whose longest side has length one, $h$ the side of a cell."""
    dtype = jnp.zeros(()).dtype
    axes = [(jnp.arange(size, dtype=dtype) + 0.5) / max(cells) for size in cells]
    return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)


@functools.partial(jax.jit, static_argnames="cells")
def grid_means(
    points: Float[Array, "points dimension"],
    outcomes: Float[Array, " points"],
    cells: tuple[int, ...],
    used: Bool[Array, " points"] | None = None,
) -> Float[Array, "*cells"]:
    r"""Mean outcome of the points in each cell; an empty cell takes the outcome of the point nearest to its centre.

    **Arguments:**

    - `points`: in the box $[0, n_1 h] \times \dots \times [0, n_d h]$ with $h = 1 / \max_j n_j$.
    - `outcomes`: one per point.
    - `cells`: numbers $n_j$ of cells per axis (static).
    - `used`: which points count; all by default.
    """
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


def fill_empty(values: Float[Array, "*cells"], known: Bool[Array, "*cells"]) -> Float[Array, "*cells"]:
    """Values on a grid with every unknown cell given the value of the nearest known one."""
    centres = cell_centres(values.shape).reshape(values.size, values.ndim).astype(values.dtype)
    flat, mask = values.reshape(-1), known.reshape(-1)

    def nearest(centre):
        distance = jnp.sum((centres - centre[None, :]) ** 2, axis=1)
        return flat[jnp.argmin(jnp.where(mask, distance, jnp.inf))]

    found = jax.lax.map(nearest, centres, batch_size=min(_CHUNK, values.size))
    return jnp.where(mask, flat, found).reshape(values.shape)
