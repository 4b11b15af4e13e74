"""Selected columns of linear operators."""

import functools

import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Inexact, Int

from ..core.linalg import one_at_a_time_on_cpu
from .weighted_columns import WeightedColumns


@functools.singledispatch
def column(operator: lx.AbstractLinearOperator, index: Int[Array, ""]) -> Inexact[Array, " rows"]:
    r"""The column $A e_j$ of an operator for a traced $j$: read where a matrix is stored, else a product."""
    one = jnp.arange(operator.in_size(), dtype=jnp.int32) == index
    return operator.mv(one.astype(operator.in_structure().dtype))


@column.register
def _(operator: lx.MatrixLinearOperator, index):
    return _stored_column(operator.matrix, index)


@column.register
def _(operator: lx.ComposedLinearOperator, index):
    return operator.operator1.mv(column(operator.operator2, index))


@column.register
def _(operator: WeightedColumns, index):
    return _weights(operator)[index] * column(operator.operator, index)


# One column out of each of several matrices is little work, but XLA goes by the size of the matrices and wakes all threads.
_stored_column = one_at_a_time_on_cpu(
    lambda matrix, index: jax.lax.dynamic_index_in_dim(matrix, index, axis=1, keepdims=False)
)


@functools.singledispatch
def columns(operator: lx.AbstractLinearOperator, indices: Int[Array, " count"]) -> Inexact[Array, "count rows"]:
    r"""The columns $A e_j$ of an operator for traced indices, one a row: read where a matrix is stored, else products."""
    return jax.vmap(lambda index: column(operator, index))(indices)


@columns.register
def _(operator: lx.MatrixLinearOperator, indices):
    return operator.matrix.T[indices]


@columns.register
def _(operator: lx.ComposedLinearOperator, indices):
    return jax.vmap(operator.operator1.mv)(columns(operator.operator2, indices))


@columns.register
def _(operator: WeightedColumns, indices):
    return _weights(operator)[indices][:, None] * columns(operator.operator, indices)


def _weights(operator: WeightedColumns) -> Float[Array, " columns"]:
    return jnp.broadcast_to(operator.weights, (operator.in_size(),))
