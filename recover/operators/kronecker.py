"""Kronecker products."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .base import AbstractStructuredOperator, as_dtype
from .mode_products import mode_products

__all__ = ["KroneckerProduct"]


class KroneckerProduct(AbstractStructuredOperator):
    r"""$A_1 \otimes \dots \otimes A_p$ for real matrices $A_i$, applied one mode at a time.

    $$\big[(A_1 \otimes A_2)\, x\big]_{a m_2 + b} = \sum_{i, j} (A_1)_{a i} (A_2)_{b j}\, x_{i n_2 + j},$$

    that is, vectors are row-major tensors, the index of the last factor running fastest (as in `numpy.kron`). A product
    costs about the number of observations times the largest $n_i$ in place of times all unknowns.

    - `factors`: matrices of shape $(m_i, n_i)$.
    - `dtype`: the dtype announced to lineax; by default that of the factors.

    **Raises:** `ValueError` for a factor that is not a matrix, or none.
    """

    factors: tuple[Float[Array, "_ _"], ...] = eqx.field(converter=lambda given: tuple(map(jnp.asarray, given)))
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        shapes = [factor.shape for factor in self.factors]
        if not shapes or any(len(shape) != 2 for shape in shapes):
            raise ValueError(f"`KroneckerProduct(factors=...)` has shapes {shapes}: allowed is one matrix or more.")

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        """The product with the matrix."""
        tensor = vector.reshape([factor.shape[1] for factor in self.factors])
        return mode_products(self._as(vector.dtype), tensor).reshape(-1)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """The product with the transposed matrix."""
        tensor = vector.reshape([factor.shape[0] for factor in self.factors])
        return mode_products([factor.T for factor in self._as(vector.dtype)], tensor).reshape(-1)

    def in_size(self) -> int:
        """The product of the factors' numbers of columns."""
        return math.prod(factor.shape[1] for factor in self.factors)

    def out_size(self) -> int:
        """The product of the factors' numbers of rows."""
        return math.prod(factor.shape[0] for factor in self.factors)

    def _as(self, dtype):
        return [factor.astype(dtype) for factor in self.factors]
