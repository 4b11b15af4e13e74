"""Rows of a circulant matrix: subsampled circular convolution."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from .base import AbstractStructuredOperator, as_dtype
from .rows import as_indices, check_indices, scatter_rows, select_rows

__all__ = ["SubsampledCirculant"]


class SubsampledCirculant(AbstractStructuredOperator):
    r"""Rows of the circulant matrix of a real first column.

    $$A = R\, C, \qquad C_{kj} = c_{(k - j) \bmod n}, \qquad C x = F^{-1}(F c \odot F x),$$

    where $R$ keeps the rows `indices` and $F$ is the discrete Fourier transform. Nothing is normalised: for unit-norm
    columns on average over the draw, give `first_column` entries of variance $1/m$. Both products cost $O(n \log n)$.

    - `indices`: integers, shape `(rows,)`; repeated rows are allowed.
    - `first_column`: $c$, real, shape `(dimension,)`; differentiable.
    - `dtype`: the dtype announced to lineax; by default that of `first_column`.

    **Raises:** `ValueError` for a first column that is not a real vector, or indices out of range.

    Source: Krahmer, Mendelson and Rauhut (krahmer2014), for such matrices in recovery.
    """

    indices: Int[Array | np.ndarray, " rows"] = eqx.field(converter=as_indices)
    first_column: Num[Array | np.ndarray, " dimension"]
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        shape, dtype = self.first_column.shape, self.first_column.dtype
        if len(shape) != 1 or shape[0] < 1 or jnp.issubdtype(dtype, jnp.complexfloating):
            raise ValueError(
                f"`SubsampledCirculant(first_column=...)` has shape {shape} and dtype {dtype}: allowed is a real "
                "vector of at least one entry."
            )
        check_indices("SubsampledCirculant", self.indices, shape[0])

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        """The sampled circular convolution of a signal with the first column."""
        return select_rows(self._convolve(vector, self._spectrum(vector.dtype)), self.indices)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """The circular correlation of the sampled values with the first column."""
        full = scatter_rows(vector, self.indices, self.in_size())
        return self._convolve(full, self._spectrum(vector.dtype).conj())

    def in_size(self) -> int:
        """The length of the first column."""
        return self.first_column.shape[0]

    def out_size(self) -> int:
        """The number of sampled rows."""
        return self.indices.shape[0]

    def _spectrum(self, dtype):
        return jnp.fft.rfft(jnp.asarray(self.first_column, dtype))

    def _convolve(self, vector, spectrum):
        return jnp.fft.irfft(jnp.fft.rfft(vector) * spectrum, n=self.in_size())
