r"""Mutual information of two samples of numbers, by kernel densities and by histograms; rows that are no data have mask zero."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.numbers import ratio

# How far a grid reaches beyond the data, in bandwidths.
_BEYOND = 3.0


def kernel_mutual_information(
    x: Float[Array, " rows"], y: Float[Array, " rows"], mask: Bool[Array, " rows"], grid: int = 64
) -> Float[Array, ""]:
    r"""$\sum p \log(p / (p_x p_y))$ of Gaussian kernel densities on a square grid.

    $$p(u, v) \propto \sum_i \exp\left(-\frac{(u - x_i)^2}{2 h_x^2} - \frac{(v - y_i)^2}{2 h_y^2}\right), \qquad
      h = n^{-1/6} \times \text{standard deviation}.$$

    Data are moved to the nearest point of the grid, which reaches three bandwidths beyond them on every side. 0 where one of the
    two is constant.

    Source: Yang (yang2025, fastHDMI), there with Epanechnikov kernels on 300 x 300 points and by FFT.
    """
    horizontal, kernel_x = _gridded(x, mask, grid)
    vertical, kernel_y = _gridded(y, mask, grid)
    counts = jnp.zeros((grid, grid), x.dtype).at[horizontal, vertical].add(mask.astype(x.dtype))
    return _information(kernel_x @ counts @ kernel_y.T)


def histogram_mutual_information(
    x: Float[Array, " rows"], y: Float[Array, " rows"], mask: Bool[Array, " rows"], most: int = 100
) -> Float[Array, ""]:
    r"""The same of a histogram with `number_of_bins` along each axis, at most `most` of them."""
    places = []
    for values in (x, y):
        share = _shares(values, mask)
        bins = number_of_bins(values, mask, most)
        place = jnp.floor(jnp.where(mask, share, 0) * bins.astype(share.dtype)).astype(jnp.int32)
        places.append(jnp.clip(place, 0, bins - 1))
    counts = jnp.zeros((most, most), x.dtype).at[places[0], places[1]].add(mask.astype(x.dtype))
    return _information(counts)


def number_of_bins(values: Float[Array, " rows"], mask: Bool[Array, " rows"], most: int = 100) -> Int[Array, ""]:
    r"""The number of equal bins of Birgé and Rozenholc (birge2006, equation 3), from 2 to `most`.

    $$\hat D = \arg\max_D\ \sum_b N_b \log N_b + n \log D - \left(D - 1 + (\log D)^{5/2}\right).$$
    """
    numbers, edges = np.arange(2, most + 1), np.arange(most + 1)
    ends = np.where(edges < numbers[:, None], edges / numbers[:, None], np.inf)
    ranked = jnp.sort(jnp.where(mask, _shares(values, mask), jnp.inf))
    below = jnp.searchsorted(ranked, jnp.asarray(ends.reshape(-1), values.dtype))
    counts = jnp.diff(below.reshape(ends.shape), axis=1).astype(values.dtype)
    likelihood = jnp.sum(counts * jnp.log(jnp.maximum(counts, 1)), axis=1)
    count = jnp.sum(mask).astype(values.dtype)
    logs = jnp.asarray(np.log(numbers), values.dtype)
    merit = likelihood + count * logs - (jnp.asarray(numbers - 1, values.dtype) + logs**2.5)
    return jnp.argmax(merit).astype(jnp.int32) + 2


def _ends(values, mask):
    return jnp.min(jnp.where(mask, values, jnp.inf)), jnp.max(jnp.where(mask, values, -jnp.inf))


def _shares(values, mask):
    """Where values lie between the least and the largest one, from 0 to 1."""
    low, high = _ends(values, mask)
    return ratio(values - low, high - low)


def _gridded(values, mask, grid: int):
    """The nearest points of a grid, and the kernel between its points, normalised in every column."""
    count = jnp.sum(mask).astype(values.dtype)
    mean = jnp.sum(jnp.where(mask, values, 0)) / count
    deviation = jnp.sqrt(jnp.sum(jnp.where(mask, (values - mean) ** 2, 0)) / count)
    bandwidth = deviation * count ** (-1 / 6)
    low, high = _ends(values, mask)
    low, high = low - _BEYOND * bandwidth, high + _BEYOND * bandwidth
    spacing = (high - low) / (grid - 1)
    nearest = jnp.round(ratio(jnp.where(mask, values - low, 0), spacing)).astype(jnp.int32)
    lags = jnp.asarray(np.arange(grid)[:, None] - np.arange(grid), values.dtype)
    return jnp.clip(nearest, 0, grid - 1), jnp.exp(-((ratio(lags * spacing, bandwidth)) ** 2) / 2)


def _information(masses: Float[Array, "rows columns"]) -> Float[Array, ""]:
    """Mutual information of a table of masses, which need not sum to one."""
    joint = masses / jnp.sum(masses)
    apart = jnp.sum(joint, axis=1, keepdims=True) * jnp.sum(joint, axis=0, keepdims=True)
    # Products of tails underflow before the joint mass does.
    present = (joint > 0) & (apart > 0)
    logs = jnp.log(jnp.where(present, joint, 1)) - jnp.log(jnp.where(present, apart, 1))
    return jnp.maximum(jnp.sum(joint * logs), 0)


def absolute_correlation(
    x: Float[Array, " rows"], y: Float[Array, " rows"], mask: Bool[Array, " rows"]
) -> Float[Array, ""]:
    """The absolute value of Pearson's correlation; 0 where one of the two is constant."""
    count = jnp.sum(mask).astype(x.dtype)
    x, y = (jnp.where(mask, each - jnp.sum(jnp.where(mask, each, 0)) / count, 0) for each in (x, y))
    return jnp.abs(ratio(jnp.vdot(x, y), jnp.sqrt(jnp.vdot(x, x) * jnp.vdot(y, y))))
