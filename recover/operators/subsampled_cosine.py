"""Rows of the discrete cosine transform."""

import math
import operator

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Num

from .base import AbstractStructuredOperator, as_dtype
from .rows import as_indices, check_dimension, check_indices, scatter_rows, select_rows

__all__ = ["SubsampledCosine"]


class SubsampledCosine(AbstractStructuredOperator):
    r"""Rows of the orthonormal type-II discrete cosine transform, after optional random column signs.

    $$A = R\, C\, \mathrm{diag}(s), \qquad
    C_{kj} = \sqrt{\frac{2 - [k = 0]}{n}} \cos\frac{\pi k (2j + 1)}{2n},$$

    where $R$ keeps the rows `indices`. The rows are orthonormal, $A A^\top = I$, when the indices are distinct: there
    is no factor $\sqrt{n/m}$, so a column has root mean square norm $\sqrt{m/n}$. Both products cost $O(n \log n)$
    by one real Fourier transform of length $n$.

    - `indices`: integers, shape `(rows,)`; repeated rows are allowed.
    - `dimension`: $n$, any positive integer (products of small primes are fastest).
    - `signs`: $s$, shape `(dimension,)`, entries $\pm 1$; none by default.
    - `dtype`: the dtype announced to lineax; by default that of `signs`, or JAX's default.

    **Raises:** `ValueError` for indices out of range, signs of another shape or other values than $\pm 1$.

    Source: Makhoul (makhoul1980).
    """

    indices: Int[Array | np.ndarray, " rows"] = eqx.field(converter=as_indices)
    dimension: int = eqx.field(static=True, converter=operator.index)
    signs: Num[Array | np.ndarray, " dimension"] | None = None
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        check_dimension("SubsampledCosine", self.dimension)
        check_indices("SubsampledCosine", self.indices, self.dimension)
        if self.signs is None:
            return
        if self.signs.shape != (self.dimension,):
            raise ValueError(
                f"`SubsampledCosine(signs=...)` has shape {self.signs.shape}: allowed is ({self.dimension},), "
                "one sign per column."
            )
        if not isinstance(self.signs, jax.core.Tracer) and not bool((abs(self.signs) == 1).all()):
            raise ValueError("`SubsampledCosine(signs=...)` has other entries than the allowed +1 and -1.")

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        """The sampled cosine coefficients of a signal."""
        return select_rows(_cosine_transform(self._flip(vector)), self.indices)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """The signal with these cosine coefficients, and zeros elsewhere."""
        return self._flip(_inverse_cosine_transform(scatter_rows(vector, self.indices, self.dimension)))

    def in_size(self) -> int:
        """The dimension of the transform."""
        return self.dimension

    def out_size(self) -> int:
        """The number of sampled rows."""
        return self.indices.shape[0]

    def _flip(self, vector):
        return vector if self.signs is None else vector * jnp.asarray(self.signs, vector.dtype)


# jax.scipy.fft.dct runs a complex transform, twice the work, and mixes dtypes that strict promotion rejects.


def _twiddles(dimension: int, dtype) -> Array:
    # Computed on the device: a table of this length stored in the program would bloat it.
    angles = jnp.arange(dimension // 2 + 1, dtype=dtype) * (math.pi / (2 * dimension))
    return jax.lax.complex(jnp.cos(angles), -jnp.sin(angles))


@jax.jit
def _cosine_transform(signal: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
    (dimension,) = signal.shape
    half = (dimension + 1) // 2
    interleaved = jnp.concatenate([signal[::2], signal[1::2][::-1]])
    rotated = jnp.fft.rfft(interleaved) * _twiddles(dimension, signal.dtype)
    coefficients = jnp.concatenate([rotated.real, -rotated.imag[1:half][::-1]]) * math.sqrt(2 / dimension)
    return coefficients.at[0].multiply(math.sqrt(0.5))


@jax.jit
def _inverse_cosine_transform(coefficients: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
    (dimension,) = coefficients.shape
    half = (dimension + 1) // 2
    scaled = coefficients.at[0].multiply(math.sqrt(2)) * math.sqrt(dimension / 2)
    real = scaled[: dimension // 2 + 1]
    imaginary = jnp.concatenate([jnp.zeros(1, scaled.dtype), scaled[half:][::-1]])
    spectrum = jax.lax.complex(real, -imaginary) * _twiddles(dimension, coefficients.dtype).conj()
    interleaved = jnp.fft.irfft(spectrum, n=dimension)
    even, odd = interleaved[:half], interleaved[half:][::-1]
    odd = jnp.pad(odd, (0, half - odd.shape[0]))
    return jnp.stack([even, odd], axis=-1).reshape(-1)[:dimension]
