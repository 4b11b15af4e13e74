"""Subtracting the mean over rows of data."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .base import AbstractStructuredOperator, as_dtype

__all__ = ["CentredRows"]


class CentredRows(AbstractStructuredOperator):
    r"""$z \mapsto m \odot (z - m^\top z / |m|)$ with a mask $m$ of rows; its own transpose.

    In front of a design it centres all columns over the rows of data, and sets the others to zero.
    """

    mask: Bool[Array, " rows"]
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def mv(self, vector: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """The vector less its mean over the rows of data."""
        count = jnp.maximum(jnp.sum(self.mask), 1).astype(vector.dtype)
        mean = jnp.sum(jnp.where(self.mask, vector, 0)) / count
        return jnp.where(self.mask, vector - mean, 0)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """The same."""
        return self.mv(vector)

    def in_size(self) -> int:
        """The number of rows."""
        return self.mask.shape[0]

    def out_size(self) -> int:
        """The number of rows."""
        return self.mask.shape[0]
