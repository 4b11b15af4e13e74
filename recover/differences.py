"""Finite differences of functions on a grid whose cells lie on one flat axis.

The flat axis may be longer than the grid: what follows the last cell is padding, which no difference sees.
"""

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# A row that is a whole number of vector registers long starts, like all others, where registers are loaded fastest.
_REGISTER = 16


def padded_size(cells: tuple[int, ...]) -> int:
    """The number of cells, rounded up so that every row of an array starts at the boundary of a vector register."""
    return -(-math.prod(cells) // _REGISTER) * _REGISTER


def _strides(cells: tuple[int, ...]) -> list[int]:
    return [math.prod(cells[axis + 1 :]) for axis in range(len(cells))]


def _has_next(cells: tuple[int, ...], size: int) -> np.ndarray:
    """Ones where a cell has a next one along an axis. [axes, size]"""
    found = np.zeros((len(cells), size), np.float32)
    for axis, length in enumerate(cells):
        inside = np.arange(length) < length - 1
        shape = [length if other == axis else 1 for other in range(len(cells))]
        found[axis, : math.prod(cells)] = np.broadcast_to(inside.reshape(shape), cells).reshape(-1)
    return found


def gradient(values: Float[Array, " size"], cells: tuple[int, ...]) -> Float[Array, "axes size"]:
    """Forward differences, zero in the last cell of each axis."""
    size, strides = values.shape[0], _strides(cells)
    inside = jnp.asarray(_has_next(cells, size), values.dtype)
    # Shifts of the flat axis: reshaping to the grid would put divisions into every index.
    ahead = jnp.pad(values, (0, max(strides)))
    return jnp.stack([inside[axis] * (ahead[by : by + size] - values) for axis, by in enumerate(strides)])


def divergence(field: Float[Array, "axes size"], cells: tuple[int, ...]) -> Float[Array, " size"]:
    """Minus the adjoint of `gradient`."""
    size, strides = field.shape[1], _strides(cells)
    reach = max(strides)
    # The last difference is no variable of the gradient, so what the field holds there counts for nothing.
    inner = field * jnp.asarray(_has_next(cells, size), field.dtype)
    before = jnp.pad(inner, ((0, 0), (reach, 0)))
    return sum(
        (inner[axis] - before[axis, reach - by : reach - by + size] for axis, by in enumerate(strides)),
        jnp.zeros_like(field[0]),
    )
