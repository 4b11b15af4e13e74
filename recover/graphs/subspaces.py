"""Iterations for a few eigenvectors that are made of matrix products."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.linalg import eigh
from ..core.numbers import ratio, unit


def chebyshev_filter(
    product: Callable[[Float[Array, "size width"]], Float[Array, "size width"]],
    block: Float[Array, "size width"],
    degree: int,
) -> Float[Array, "size width"]:
    """The Chebyshev polynomial of a symmetric matrix, times a block: components with eigenvalues in [-1, 1] stay bounded.

    Those of an eigenvalue x > 1 grow as cosh(degree arccosh x), faster than under any other polynomial with that bound.

    **Arguments:**

    - `product`: multiplies a block by the matrix.
    - `block`: one vector per column.
    - `degree`: of the polynomial, at least 1 (static).
    """

    def recur(pair, _):
        before, now = pair
        return (now, 2 * product(now) - before), None

    return jax.lax.scan(recur, (block, product(block)), None, length=degree - 1)[0][1]


def orthonormalised(block: Float[Array, "size width"]) -> Float[Array, "size width"]:
    """Orthonormal columns with the same span, by matrix products and eigendecompositions of the small Gram matrix.

    Two rounds: the first lifts columns' differences out of rounding, the second makes them orthonormal. Much faster than a
    Householder decomposition of a tall block on a CPU whose threads are busy, and a batch of matrix products elsewhere.
    """
    floor = 10 * jnp.finfo(block.dtype).eps
    for _ in range(2):
        block = unit(block, 0)
        values, vectors = eigh(block.T @ block)
        block = (block @ vectors) * jax.lax.rsqrt(jnp.maximum(values, floor * values[-1]))[None, :]
    return block


def group_gram(
    block: Float[Array, "size width"], other: Float[Array, "size width"], groups: Float[Array, "size groups"]
) -> Float[Array, "groups width width"]:
    """Inner products of the columns of two blocks within every group of rows, given as a matrix of zeros and ones."""
    width = block.shape[1]
    products = (block[:, :, None] * other[:, None, :]).reshape(block.shape[0], -1)
    return (groups.T @ products).reshape(groups.shape[1], width, width)


def group_orthonormalised(
    block: Float[Array, "size width"], groups: Float[Array, "size groups"]
) -> Float[Array, "size width"]:
    """Columns made orthonormal within every group of rows by Gram-Schmidt, twice; those that vanish stay zero.

    Groups are few and blocks narrow, so whole groups advance column by column with products over all rows.
    """
    width = block.shape[1]
    floor = jnp.finfo(block.dtype).tiny

    def normalise(column):
        length = jnp.sqrt(groups @ (groups.T @ column**2))
        return ratio(column, jnp.where(length > floor, length, 0))

    def orthonormalise(position, basis):
        column = normalise(basis[:, position])
        earlier = jnp.where(jnp.arange(width)[None, :] < position, basis, 0)
        for _ in range(2):
            overlaps = groups.T @ (earlier * column[:, None])
            column = normalise(column - jnp.sum(earlier * (groups @ overlaps), axis=1))
        return basis.at[:, position].set(column)

    return jax.lax.fori_loop(0, width, orthonormalise, block)
