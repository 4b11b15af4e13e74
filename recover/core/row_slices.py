"""Rows of arrays at traced places.

Indices must not be negative: they are made unsigned, so that none is tested for its sign. On a CPU, XLA then fuses a row with
what is computed of it.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array


def take_rows(array: Array, index, count: int) -> Array:
    """`array[index : index + count]`."""
    return jax.lax.dynamic_slice(array, _place(array, (index,)), (count, *array.shape[1:]))


def put_rows(array: Array, rows: Array, index) -> Array:
    """`array` with `rows` from `index` on."""
    return jax.lax.dynamic_update_slice(array, rows, _place(array, (index,)))


def take_row(array: Array, *index) -> Array:
    """`array[index]`, for one index per leading axis."""
    shape = array.shape[len(index) :]
    return jax.lax.dynamic_slice(array, _place(array, index), (1,) * len(index) + shape).reshape(shape)


def put_row(array: Array, row: Array, *index) -> Array:
    """`array` with `row` at `index`."""
    return jax.lax.dynamic_update_slice(array, row.reshape((1,) * len(index) + row.shape), _place(array, index))


def _place(array: Array, index) -> tuple:
    first = tuple(jnp.asarray(i).astype(jnp.uint32) for i in index)
    return first + (jnp.uint32(0),) * (array.ndim - len(index))
