"""Keeping some coordinates of a vector, and putting them back: the subsampling shared by the transforms."""

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


def as_indices(indices) -> Array | np.ndarray:
    """Field converter of `indices`: arrays and tracers pass through, sequences become NumPy arrays."""
    return indices if isinstance(indices, (jax.Array, np.ndarray)) else np.asarray(indices)


def check_indices(name: str, indices, dimension: int) -> None:
    """Raises `ValueError` unless `indices` is an integer vector within range; the entries of a tracer pass unseen."""
    if indices.ndim != 1 or not jnp.issubdtype(indices.dtype, jnp.integer):
        raise ValueError(
            f"`{name}(indices=...)` has shape {indices.shape} and dtype {indices.dtype}: allowed is a vector "
            "of integers."
        )
    if isinstance(indices, jax.core.Tracer) or indices.size == 0:
        return
    lowest, highest = int(indices.min()), int(indices.max())
    if lowest < 0 or highest >= dimension:
        raise ValueError(
            f"`{name}(indices=...)` has entries from {lowest} to {highest}: allowed are 0 to {dimension - 1}, "
            f"the rows of a transform of dimension {dimension}."
        )


def check_dimension(name: str, dimension: int) -> None:
    """Raises `ValueError` unless `dimension` is at least one."""
    if dimension < 1:
        raise ValueError(f"`{name}(dimension={dimension})`: allowed is an integer of at least 1.")


def select_rows(values: Float[Array, " dimension"], indices: Int[Array | np.ndarray, " rows"]) -> Float[Array, " rows"]:
    """`values[indices]`; an index past the end, which only a tracer can smuggle in, selects a zero."""
    return values.at[indices].get(mode="fill", fill_value=0)


def scatter_rows(
    values: Float[Array, " rows"], indices: Int[Array | np.ndarray, " rows"], dimension: int
) -> Float[Array, " dimension"]:
    """The transpose of `select_rows`, also where an index repeats or lies past the end."""
    return jnp.zeros(dimension, values.dtype).at[indices].add(values, mode="drop")
