"""Leading eigenvectors of Hermitian operators by Lanczos iteration."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from .linalg import eigh
from .numbers import norm, ratio, unit

# In rounding units of the matrix.
_EXHAUSTED = 100


def leading_eigenvector(
    product: Callable[[Inexact[Array, " n"]], Inexact[Array, " n"]], first: Inexact[Array, " n"], steps: int
) -> Inexact[Array, " n"]:
    """The unit eigenvector of the largest eigenvalue (not the largest in modulus), with full orthogonalisation.

    **Arguments:**

    - `product`: multiplies a vector by the Hermitian matrix.
    - `first`: the vector that the Krylov space begins with.
    - `steps`: how many products (static); with as many as there are entries the answer is exact.
    """
    steps = min(steps, first.shape[0])
    first = unit(first)
    real = norm(first).dtype

    def lengthen(number, state):
        basis, diagonal, beside = state
        vector = basis[number]
        image = product(vector)
        along = jnp.real(jnp.vdot(vector, image))
        # Against the two vectors that are in it first, then against what rounding has brought back of the others.
        before = jnp.maximum(number - 1, 0)
        image = image - _times(along, vector) - _times(jnp.where(number > 0, beside[before], 0), basis[before])
        image = image - (basis.conj() @ image) @ basis
        length = norm(image)
        # What is left of an invariant subspace is rounding, which is orthogonal to nothing.
        size = jnp.maximum(jnp.max(jnp.abs(diagonal)), jnp.abs(along))
        following = jnp.where(
            length > _EXHAUSTED * jnp.finfo(length.dtype).eps * size, _times(ratio(1, length), image), 0
        )
        return basis.at[number + 1].set(following), diagonal.at[number].set(along), beside.at[number].set(length)

    basis = jnp.zeros((steps + 1, first.shape[0]), first.dtype).at[0].set(first)
    zeros = jnp.zeros(steps, real)
    basis, diagonal, beside = jax.lax.fori_loop(0, steps, lengthen, (basis, zeros, zeros))
    # Steps beyond such a subspace are below all others.
    least = jnp.min(diagonal) - 2 * jnp.max(beside) - 1
    diagonal = jnp.where(norm(basis[:-1], 1) > 0, diagonal, least)
    _, vectors = eigh(jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1))
    # Its sign is that of its product with the first vector, lest rounding decides.
    leading = vectors[:, -1] * jnp.where(vectors[0, -1] < 0, -1, 1).astype(vectors.dtype)
    return unit(leading.astype(basis.dtype) @ basis[:-1])


def _times(scale, vector):
    """A real number times a vector that may be complex."""
    return scale.astype(vector.dtype) * vector
