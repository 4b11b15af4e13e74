"""Orthonormal periodised wavelets in one, two or more dimensions."""

import functools as ft
import math
import operator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .base import AbstractStructuredOperator, as_dtype

__all__ = ["WaveletSynthesis"]


def _as_shape(shape) -> tuple[int, ...]:
    return tuple(operator.index(side) for side in shape)


class WaveletSynthesis(AbstractStructuredOperator):
    r"""The orthonormal periodised wavelet synthesis: from coefficients to the flattened signal.

    $$x = W^\top c, \qquad c = W x, \qquad W W^\top = W^\top W = I.$$

    One level of the analysis $W$ filters and halves each axis of the current approximation $x$ of length $n$,

    $$a_k = \sum_{t} h_t\, x_{(2k + L/2 - t) \bmod n}, \qquad d_k = \sum_{t} g_t\, x_{(2k + L/2 - t) \bmod n},$$

    with the decomposition filters $h, g$ of length $L$, and recurses on $a$. Coefficients are laid out as
    `pywt.coeffs_to_array(pywt.wavedecn(x, wavelet, mode="periodization", level=levels))`, then flattened: the coarsest
    approximation first along every axis.

    - `shape`: the shape of the signal; every side divisible by $2^{\text{levels}}$.
    - `wavelet`: the name of an orthogonal wavelet of PyWavelets, such as "haar", "db4", "sym8", "coif2".
    - `levels`: by default as many as the sides allow before the filter is longer than the approximation, at least one.
    - `dtype`: the dtype announced to lineax; JAX's default if not given.

    **Raises:** `ValueError` for an unknown or non-orthogonal wavelet, or sides that $2^{\text{levels}}$ does not
    divide.

    Source: Mallat (mallat1989).
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    wavelet: str = eqx.field(static=True)
    levels: int = eqx.field(static=True)
    filters: tuple[tuple[float, ...], tuple[float, ...]] = eqx.field(static=True)
    dtype: np.dtype | None = eqx.field(static=True)

    def __init__(self, shape, wavelet: str = "db4", levels: int | None = None, *, dtype=None):
        """Reads the filters from PyWavelets, which is not needed afterwards."""
        self.shape = _as_shape(shape)
        self.wavelet = wavelet
        self.filters = _orthogonal_filters(wavelet)
        self.levels = _default_levels(self.shape, len(self.filters[0])) if levels is None else operator.index(levels)
        self.dtype = as_dtype(dtype)

    def __check_init__(self):
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"`WaveletSynthesis(shape={self.shape})`: allowed are one or more positive sides.")
        if self.levels < 1:
            raise ValueError(f"`WaveletSynthesis(levels={self.levels})`: allowed is an integer of at least 1.")
        if any(side % 2**self.levels for side in self.shape):
            raise ValueError(
                f"`WaveletSynthesis(shape={self.shape}, levels={self.levels})`: every side must be divisible by "
                f"2**levels = {2**self.levels}."
            )

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        """The flattened signal with these coefficients (synthesis)."""
        return _synthesise(vector.reshape(self.shape), self.filters, self.levels).reshape(-1)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """The coefficients of a flattened signal (analysis)."""
        return _analyse(vector.reshape(self.shape), self.filters, self.levels).reshape(-1)

    def in_size(self) -> int:
        """The number of coefficients."""
        return math.prod(self.shape)

    def out_size(self) -> int:
        """The number of samples of the signal."""
        return math.prod(self.shape)


@ft.partial(jax.jit, static_argnames=("filters", "levels"))
def _analyse(array: Float[Array, "*shape"], filters, levels: int) -> Float[Array, "*shape"]:
    for level in range(levels):
        array = _on_approximation(array, level, ft.partial(_split, filters=filters))
    return array


@ft.partial(jax.jit, static_argnames=("filters", "levels"))
def _synthesise(array: Float[Array, "*shape"], filters, levels: int) -> Float[Array, "*shape"]:
    for level in reversed(range(levels)):
        array = _on_approximation(array, level, ft.partial(_merge, filters=filters))
    return array


def _on_approximation(array, level, transform):
    """Transforms every axis of the corner that holds the approximation of this level."""
    corner = tuple(slice(side >> level) for side in array.shape)
    part = array[corner]
    for axis in range(part.ndim):
        part = jnp.moveaxis(transform(jnp.moveaxis(part, axis, -1)), -1, axis)
    return array.at[corner].set(part)


def _split(signal: Float[Array, "*batch n"], filters) -> Float[Array, "*batch n"]:
    *batch, size = signal.shape
    shifts, matrices = _lapped_blocks(filters)
    bands = _filter_pairs(signal.reshape(*batch, size // 2, 2), -shifts, matrices)
    return jnp.swapaxes(bands, -1, -2).reshape(*batch, size)


def _merge(bands: Float[Array, "*batch n"], filters) -> Float[Array, "*batch n"]:
    *batch, size = bands.shape
    shifts, matrices = _lapped_blocks(filters)
    pairs = jnp.swapaxes(bands.reshape(*batch, 2, size // 2), -1, -2)
    return _filter_pairs(pairs, shifts, np.swapaxes(matrices, 1, 2)).reshape(*batch, size)


def _lapped_blocks(filters) -> tuple[np.ndarray, np.ndarray]:
    """Shifts $j$ and 2 x 2 matrices $F_j$ (phase, band): band pair $k$ sums sample pair $k + j$ times $F_j$."""
    taps = np.array(filters)
    length = taps.shape[1]
    offsets = length // 2 - np.arange(length)
    shifts = np.arange(offsets.min() // 2, offsets.max() // 2 + 1)
    matrices = np.zeros((shifts.size, 2, 2))
    matrices[offsets // 2 - shifts[0], offsets % 2] = taps.T
    return shifts, matrices


def _filter_pairs(pairs: Float[Array, "*batch n 2"], shifts, matrices) -> Float[Array, "*batch n 2"]:
    """Sums the circularly shifted pairs, each times its 2 x 2 matrix, as one thin matrix product."""
    windows = jnp.concatenate([jnp.roll(pairs, int(shift), axis=-2) for shift in shifts], axis=-1)
    matrix = jnp.asarray(np.concatenate(matrices), pairs.dtype)
    return jnp.matmul(windows, matrix, precision=jax.lax.Precision.HIGHEST)


def _orthogonal_filters(wavelet: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    import pywt  # here, not above: 0.4 s that only users of wavelets should pay

    if wavelet not in pywt.wavelist(kind="discrete"):
        raise ValueError(
            f"`WaveletSynthesis(wavelet={wavelet!r})`: allowed are the orthogonal discrete wavelets of PyWavelets, "
            'such as "haar", "db4", "sym8" or "coif2".'
        )
    described = pywt.Wavelet(wavelet)
    low, high = tuple(described.dec_lo), tuple(described.dec_hi)
    # Measured, not asked: PyWavelets calls "dmey" orthogonal, but its truncated filter misses by 2e-3.
    gram = [
        [np.dot(first[: len(first) - 2 * lag], second[2 * lag :]) for lag in range(len(low) // 2)]
        for first in (low, high)
        for second in (low, high)
    ]
    identity = np.zeros((4, len(low) // 2))
    identity[[0, 3], 0] = 1
    if len(low) != len(high) or not np.allclose(gram, identity, rtol=0, atol=1e-6):
        raise ValueError(
            f"`WaveletSynthesis(wavelet={wavelet!r})`: this wavelet is not orthogonal; allowed are orthogonal ones, "
            'such as "haar", "db4", "sym8" or "coif2".'
        )
    return low, high


def _default_levels(shape: tuple[int, ...], filter_length: int) -> int:
    levels = 1
    while all(side % 2 ** (levels + 1) == 0 and side >> levels >= filter_length for side in shape):
        levels += 1
    return levels
