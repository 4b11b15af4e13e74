"""Linear mixtures of endmember spectra, their mixing levels, and how two of them compare."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.matching import best_permutation
from ..core.numbers import norm, ratio, unit
from ..core.sizes import row_mask
from ..scalar.gini import gini_index

__all__ = ["Mixture", "endmember_mean", "gini_level", "hoyer_level", "matched", "spectral_angles"]


class Mixture(eqx.Module):
    r"""Endmembers and abundances of $Y \approx M A$, with what is known or learnt of pixels and channels.

    - `endmembers`: $M$, one nonnegative spectrum per column; shape (channels, endmembers).
    - `abundances`: $A$, nonnegative; columns sum to one in a truth, and nearly so in an estimate; shape (endmembers, pixels).
    - `levels`: $h_n \in [0, 1]$, the sparsity level of every pixel: 1 for a pure one, 0 for a uniform mixture.
    - `weights`: how far every channel is to be trusted. In a truth 1, and 0 for an outlier channel; in an estimate the weights
      of the loss, relative to their median.

    Padding (channels and endmembers beyond the effective numbers) is zero.
    """

    endmembers: Float[Array, "channels endmembers"]
    abundances: Float[Array, "endmembers pixels"]
    levels: Float[Array, " pixels"]
    weights: Float[Array, " channels"]


def gini_level(abundances: Float[Array, "endmembers pixels"], endmembers: Int[Array, ""]) -> Float[Array, " pixels"]:
    r"""The Gini index of every column, scaled: 0 for equal entries, 1 for a single one.

    With sorted entries $a_{(1)} \le \dots \le a_{(K)}$,

    $$h = \frac{K}{K - 1} \Big( 1 - 2 \sum_k \frac{a_{(k)}}{\|a\|_1} \frac{K - k + 1/2}{K} \Big)
        = \frac{1}{(K - 1) \|a\|_1} \sum_{i < j} |a_i - a_j|,$$

    clipped to $[0, 1]$. A column of zeros, or a single endmember, has level 0.

    **Arguments:**

    - `abundances`: $a$, one column per pixel.
    - `endmembers`: $K$; the rows beyond count for nothing.
    """
    count = jnp.asarray(endmembers).astype(abundances.dtype)
    index = gini_index(abundances, row_mask(endmembers, abundances.shape[0]))
    return jnp.clip(ratio(count, count - 1) * index, 0, 1)


def hoyer_level(abundances: Float[Array, "endmembers pixels"], endmembers: Int[Array, ""]) -> Float[Array, " pixels"]:
    r"""Hoyer's sparsity of every column, $(\sqrt K - \|a\|_1 / \|a\|_2) / (\sqrt K - 1)$, clipped to $[0, 1]$.

    A column of zeros, or a single endmember, has level 0. Arguments as for `gini_level`; rows beyond $K$ must be zero.
    """
    root = jnp.sqrt(jnp.asarray(endmembers).astype(abundances.dtype))
    # A column of zeros counts as a uniform one.
    spread = ratio(jnp.sum(abundances, axis=0), norm(abundances, 0), root)
    return jnp.clip(ratio(root - spread, root - 1), 0, 1)


def spectral_angles(
    first: Float[Array, "channels first"], second: Float[Array, "channels second"]
) -> Float[Array, "first second"]:
    r"""Angles in radians between all columns of two matrices, $2 \arcsin(\|x - y\| / 2)$ for unit vectors $x$ and $y$.

    Unlike the arc cosine, exact in single precision for small angles. A column of zeros is orthogonal to others and equal to
    another of zeros.
    """
    half = norm(unit(first, 0)[:, :, None] - unit(second, 0)[:, None, :], 0) / 2
    empty = [jnp.all(matrix == 0, axis=0) for matrix in (first, second)]
    angles = 2 * jnp.arcsin(jnp.minimum(half, 1))
    one = empty[0][:, None] ^ empty[1][None, :]
    return jnp.where(one, jnp.asarray(jnp.pi / 2, angles.dtype), angles)


@jax.jit
def matched(truth: Mixture, estimate: Mixture) -> tuple[Float[Array, " endmembers"], Float[Array, " endmembers"]]:
    r"""Spectral angle and root mean squared abundance error of every true endmember, after the best matching.

    Endmembers are matched so that the sum of their spectral angles is least. Angles are taken over the channels that the truth
    trusts, since nobody can know a spectrum where it was not seen; abundances are scaled to sum to one in every pixel.
    """
    seen = (truth.weights > 0).astype(truth.endmembers.dtype)[:, None]
    angles = spectral_angles(seen * truth.endmembers, seen * estimate.endmembers)
    order = best_permutation(-angles)
    shares = [ratio(each.abundances, jnp.sum(each.abundances, axis=0, keepdims=True)) for each in (truth, estimate)]
    squares = jnp.mean((shares[0] - shares[1][order]) ** 2, axis=1)
    return jnp.take_along_axis(angles, order[:, None], axis=1)[:, 0], jnp.sqrt(squares)


def endmember_mean(values: Float[Array, " endmembers"], endmembers: Int[Array, ""]) -> Float[Array, ""]:
    """The mean of the first `endmembers` values."""
    live = row_mask(endmembers, values.shape[0])
    return jnp.sum(jnp.where(live, values, 0)) / jnp.asarray(endmembers).astype(values.dtype)
