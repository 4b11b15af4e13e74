"""Rows of the Walsh-Hadamard transform."""

import math
import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .base import AbstractStructuredOperator, as_dtype
from .rows import as_indices, check_indices, scatter_rows, select_rows

__all__ = ["SubsampledHadamard"]

# A factor of 2**7 = 128 fills one tile of a matrix unit (TPU, tensor core), and three of them reach beyond 2**20.
_LARGEST_FACTOR_BITS = 7


class SubsampledHadamard(AbstractStructuredOperator):
    r"""Rows of the orthonormal Walsh-Hadamard matrix in natural (Sylvester) order.

    $$A = R\, H, \qquad H_{kj} = \frac{(-1)^{\langle k, j\rangle}}{\sqrt{n}}, \qquad
    H_{n_1 n_2 n_3} = H_{n_1} \otimes H_{n_2} \otimes H_{n_3},$$

    where $\langle k, j\rangle$ counts the binary digits that are one in both, and $R$ keeps the rows `indices`. The
    rows are orthonormal when the indices are distinct. By the Kronecker structure a product is one small matrix
    multiplication per factor on a reshaped vector, $O(n (n_1 + n_2 + n_3))$ with factors of at most 128: no
    butterfly passes over memory, and under `vmap` a matrix-matrix product on every device.

    - `indices`: integers, shape `(rows,)`; repeated rows are allowed.
    - `dimension`: $n$, a power of two.
    - `dtype`: the dtype announced to lineax; JAX's default if not given.

    **Raises:** `ValueError` if `dimension` is not a power of two or an index is out of range.

    Source: Fino and Algazi (fino1976).
    """

    indices: Int[Array | np.ndarray, " rows"] = eqx.field(converter=as_indices)
    dimension: int = eqx.field(static=True, converter=operator.index)
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        if self.dimension < 1 or self.dimension & (self.dimension - 1):
            raise ValueError(
                f"`SubsampledHadamard(dimension={self.dimension})`: allowed are the powers of two, 1, 2, 4, 8, ..."
            )
        check_indices("SubsampledHadamard", self.indices, self.dimension)

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        """The sampled Walsh-Hadamard coefficients of a signal."""
        return select_rows(_hadamard_transform(vector), self.indices)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """The signal with these Walsh-Hadamard coefficients, and zeros elsewhere; the matrix is symmetric."""
        return _hadamard_transform(scatter_rows(vector, self.indices, self.dimension))

    def in_size(self) -> int:
        """The dimension of the transform."""
        return self.dimension

    def out_size(self) -> int:
        """The number of sampled rows."""
        return self.indices.shape[0]


def _factor_bits(bits: int) -> list[int]:
    """Splits a number of binary digits as evenly as possible into parts that are small enough."""
    parts = max(1, -(-bits // _LARGEST_FACTOR_BITS))
    return [bits // parts + (part < bits % parts) for part in range(parts)]


def _sylvester(bits: int) -> np.ndarray:
    matrix = np.ones((1, 1))
    for _ in range(bits):
        matrix = np.kron(matrix, np.array([[1.0, 1.0], [1.0, -1.0]]))
    return matrix


@jax.jit
def _hadamard_transform(vector: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
    (dimension,) = vector.shape
    factors = _factor_bits(dimension.bit_length() - 1)
    array = vector.reshape([2**bits for bits in factors])
    for axis, bits in enumerate(factors):
        matrix = jnp.asarray(_sylvester(bits), vector.dtype)
        array = jnp.tensordot(array, matrix, axes=(axis, 0), precision=jax.lax.Precision.HIGHEST)
        array = jnp.moveaxis(array, -1, axis)
    # The entries of the factors are exactly +1 and -1; one scaling at the end rounds once.
    return array.reshape(dimension) / math.sqrt(dimension)
