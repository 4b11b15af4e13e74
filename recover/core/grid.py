"""Cells of regular grids and their neighbours, as arrays with one axis per dimension."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def shifted(array: Array, axis: int, by: int, fill=0) -> Array:
    """The array whose entry i along `axis` is entry i + `by` of the given one, `fill` beyond its ends."""
    size = array.shape[axis]
    steps = min(abs(by), size)
    kept = jax.lax.slice_in_dim(array, *((steps, size) if by >= 0 else (0, size - steps)), axis=axis)
    widths = [(0, 0, 0)] * array.ndim
    widths[axis] = (0, steps, 0) if by >= 0 else (steps, 0, 0)
    return jax.lax.pad(kept, jnp.asarray(fill, array.dtype), widths)


def has_next(cells: tuple[int, ...]) -> np.ndarray:
    """Whether a cell has a next one along an axis; booleans of shape (axes, *cells)."""
    index = np.indices(cells)
    return index < np.reshape(cells, (-1, *[1] * len(cells))) - 1


def forward_differences(values: Float[Array, "..."], axes: Sequence[int] | None = None) -> Float[Array, "..."]:
    """Differences to the next cell along the given axes (all of them), stacked in front; zero in the last cell."""
    parts = []
    for axis in range(values.ndim) if axes is None else axes:
        last = jax.lax.slice_in_dim(values, values.shape[axis] - 1, None, axis=axis)
        parts.append(jnp.diff(values, axis=axis, append=last))
    return jnp.stack(parts)
