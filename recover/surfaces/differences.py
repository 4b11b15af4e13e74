"""Finite differences of functions on a grid whose cells lie on one flat axis.

The flat axis may be longer than the grid: what follows the last cell is padding, which no difference sees. Rows of many
grids (`recover.surfaces.node_pairs`) start at whole registers that way; `recover.core.grid`, which shifts arrays of one
axis per dimension, would need every row reshaped to the grid and back.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.grid import has_next


def _strides(cells: tuple[int, ...]) -> list[int]:
    return [math.prod(cells[axis + 1 :]) for axis in range(len(cells))]


def _has_next(cells: tuple[int, ...], size: int) -> np.ndarray:
    """Ones where a cell has a next one along an axis. [axes, size]"""
    found = has_next(cells).reshape(len(cells), -1).astype(np.float32)
    return np.pad(found, ((0, 0), (0, size - found.shape[1])))


def gradient(values: Float[Array, " size"], cells: tuple[int, ...]) -> tuple[Float[Array, " size"], ...]:
    """Forward differences along each axis, zero in its last cell."""
    size, strides = values.shape[0], _strides(cells)
    inside = jnp.asarray(_has_next(cells, size), values.dtype)
    # Shifts of the flat axis: reshaping to the grid would put divisions into every index.
    ahead = jnp.pad(values, (0, max(strides)))
    return tuple(inside[axis] * (ahead[by : by + size] - values) for axis, by in enumerate(strides))


def divergence(field: Sequence[Float[Array, " size"]], cells: tuple[int, ...]) -> Float[Array, " size"]:
    """Minus the adjoint of `gradient`."""
    size, strides = field[0].shape[0], _strides(cells)
    # The last difference is no variable of the gradient, so what the field holds there counts for nothing.
    inside = jnp.asarray(_has_next(cells, size), field[0].dtype)
    inner = [part * has_next for part, has_next in zip(field, inside, strict=True)]
    before = [jnp.pad(part, (by, 0))[:size] for part, by in zip(inner, strides, strict=True)]
    return sum((here - there for here, there in zip(inner, before, strict=True)), jnp.zeros_like(field[0]))
