r"""Coordinates of matrices in which the inner product is that of vectors.

A symmetric $d \times d$ matrix has only $d(d+1)/2$ free entries. With off-diagonal entries multiplied by $\sqrt 2$,
$\langle X, Y \rangle_F$ is the inner product of the coordinate vectors, so a linear measurement of a symmetric matrix costs
half of what its full entries would, and a standard normal coordinate vector is the symmetric part of a matrix of
standard normal entries.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def symmetric_size(dimension: int) -> int:
    """Number of coordinates of a symmetric matrix, d (d + 1) / 2."""
    return dimension * (dimension + 1) // 2


def symmetric_coordinates(matrix: Float[Array, "*batch d d"]) -> Float[Array, "*batch coordinates"]:
    r"""$(X_{ii}, \sqrt 2\, X_{ij})_{i < j}$ of the symmetric part of $X$, row by row of the upper triangle."""
    dimension = matrix.shape[-1]
    rows, columns = np.triu_indices(dimension)
    flat = matrix.reshape(*matrix.shape[:-2], dimension * dimension)
    upper, lower = flat[..., rows * dimension + columns], flat[..., columns * dimension + rows]
    weights = jnp.asarray(np.where(rows == columns, 0.5, np.sqrt(0.5)), matrix.dtype)
    coordinates = (upper + lower) * weights.reshape((1,) * (matrix.ndim - 2) + (-1,))
    # Fused into a product, the gathers of a batch leave it transposed: on a CPU half again as slow at dimension 50.
    return jax.lax.optimization_barrier(coordinates)


def symmetric_matrix(coordinates: Float[Array, "*batch coordinates"], dimension: int) -> Float[Array, "*batch d d"]:
    """The symmetric matrix with the given coordinates; the inverse, and the transpose, of `symmetric_coordinates`."""
    rows, columns = np.triu_indices(dimension)
    position = np.zeros((dimension, dimension), np.int32)
    position[rows, columns] = position[columns, rows] = np.arange(len(rows))
    weights = jnp.asarray(np.where(np.eye(dimension, dtype=bool), 1.0, np.sqrt(0.5)), coordinates.dtype)
    entries = coordinates[..., position.reshape(-1)].reshape(*coordinates.shape[:-1], dimension, dimension)
    return entries * weights.reshape((1,) * (coordinates.ndim - 1) + weights.shape)
