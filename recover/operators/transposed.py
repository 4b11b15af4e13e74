"""Products with the transpose of an operator."""

import functools

import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Inexact


@functools.singledispatch
def transposed_product(
    operator: lx.AbstractLinearOperator, vector: Inexact[Array, " rows"]
) -> Inexact[Array, " columns"]:
    r"""The product $A^\top z$; with a stored matrix as $z^\top A$, which reads the matrix along its rows.

    XLA's product of one transposed matrix with one vector takes seven times as long on a CPU as the row vector times the
    matrix (25 and 3.6 microseconds at 200 x 400), and a quarter longer where 32 vectors share a matrix.
    """
    return operator.T.mv(vector)


@transposed_product.register
def _(operator: lx.MatrixLinearOperator, vector):
    return jnp.matmul(vector, operator.matrix, precision=jax.lax.Precision.HIGHEST)


@transposed_product.register
def _(operator: lx.ComposedLinearOperator, vector):
    return transposed_product(operator.operator2, transposed_product(operator.operator1, vector))
