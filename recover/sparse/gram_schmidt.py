"""Gram-Schmidt one column at a time, for numbers of columns that are traced."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from ..core.numbers import norm, ratio

__all__ = ["orthogonalised", "thin_qr"]


def orthogonalised(
    basis: Inexact[Array, "count rows"], column: Inexact[Array, " rows"]
) -> tuple[Inexact[Array, " rows"], Float[Array, ""], Inexact[Array, " count"], Bool[Array, ""]]:
    """What a column adds to the span of orthonormal vectors, which are the rows of `basis`.

    **Returns:** the direction, its length before it was normalised, the column's coordinates in the basis, and whether the
    column adds anything: the direction of one that lies in the span, to rounding, is zero.
    """
    # Gram-Schmidt twice is orthogonal to working precision.
    first = jnp.conj(basis) @ column
    orthogonal = column - first @ basis
    second = jnp.conj(basis) @ orthogonal
    orthogonal = orthogonal - second @ basis
    length = norm(orthogonal)
    precision = 10 * jnp.finfo(length.dtype).eps
    independent = ~(length <= precision * norm(column))
    return (
        jnp.where(independent, ratio(orthogonal, length.astype(column.dtype)), 0),
        length,
        first + second,
        independent,
    )


def thin_qr(columns: Float[Array, "count rows"]) -> tuple[Float[Array, "count rows"], Float[Array, "count count"]]:
    r"""$A = Q R$ for columns given as rows, in their order: those that add nothing have no direction, and a one on the diagonal.

    So padding with zero columns changes nothing, and the first columns have the decomposition that they would have alone.
    """
    count, _ = columns.shape

    def add(place, factors):
        basis, triangle = factors
        direction, length, coordinates, independent = orthogonalised(basis, columns[place])
        slot = jnp.arange(count, dtype=jnp.int32) == place
        entries = jnp.where(slot, jnp.where(independent, length, 1), coordinates)
        return basis.at[place].set(direction), triangle.at[:, place].set(entries)

    start = jnp.zeros_like(columns), jnp.eye(count, dtype=columns.dtype)
    return jax.lax.fori_loop(0, count, add, start)
