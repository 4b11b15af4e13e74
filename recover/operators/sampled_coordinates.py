"""Observing some coordinates of a vector."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from .base import AbstractStructuredOperator, as_dtype
from .rows import as_indices, check_indices, scatter_rows, select_rows

__all__ = ["SampledCoordinates"]


class SampledCoordinates(AbstractStructuredOperator):
    r"""The map $x \mapsto \sqrt n\, (x_{i_1}, \ldots, x_{i_m})$ that observes coordinates of a vector in $\mathbb{R}^n$.

    The factor makes a uniformly random observation an unbiased measure of size: $\mathbb{E}\,(Ax)_1^2 = \|x\|^2$, as for a
    row of independent standard normal entries.
    """

    indices: Int[Array | np.ndarray, " rows"] = eqx.field(converter=as_indices)
    dimension: int = eqx.field(static=True)
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        check_indices("SampledCoordinates", self.indices, self.dimension)

    def mv(self, vector: Float[Array, " dimension"]) -> Float[Array, " rows"]:
        """The product with the matrix."""
        return select_rows(vector, self.indices) * np.sqrt(self.dimension).astype(vector.dtype)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " dimension"]:
        """The product with the transposed matrix."""
        return scatter_rows(vector, self.indices, self.dimension) * np.sqrt(self.dimension).astype(vector.dtype)

    def in_size(self) -> int:
        """The number of coordinates."""
        return self.dimension

    def out_size(self) -> int:
        """The number of observations."""
        return self.indices.shape[0]
