"""Comparing partitions whose communities have no names, from their table of counts."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.special import gammaln

from ..core.matching import best_permutation
from ..core.numbers import ratio


def confusion(
    first: Int[Array, " nodes"], second: Int[Array, " nodes"], rows: int, columns: int, weights: Float[Array, " nodes"]
) -> Float[Array, "rows columns"]:
    """The table of two partitions: the weight of the nodes of label i in the first and j in the second, at (i, j)."""
    one = jax.nn.one_hot(first, rows, dtype=weights.dtype) * weights[:, None]
    return one.T @ jax.nn.one_hot(second, columns, dtype=weights.dtype)


def matched_share(counts: Float[Array, "size size"]) -> Float[Array, ""]:
    """Share of nodes that agree under the best matching of the communities."""
    columns = best_permutation(counts)
    matched = jnp.take_along_axis(counts, columns[:, None], axis=1)
    return jnp.sum(matched) / jnp.sum(counts)


def adjusted_mutual_information(counts: Float[Array, "rows columns"], capacity: int) -> Float[Array, ""]:
    r"""$(I - \mathbb{E} I) / (\tfrac12 (H_1 + H_2) - \mathbb{E} I)$, one for equal partitions and zero on average for unrelated ones.

    The expectation is over random partitions with the given community sizes. Its hypergeometric laws are summed over six
    standard deviations on either side of the mean, and normalised. One where both partitions are trivial.

    **Arguments:**

    - `counts`: how many nodes every community of the first and one of the second partition share.
    - `capacity`: the largest possible number of nodes (static).

    Source: N. X. Vinh, J. Epps and J. Bailey, Journal of Machine Learning Research 11 (2010) (vinh2010).
    """
    total = jnp.sum(counts)
    rows, columns = jnp.sum(counts, 1), jnp.sum(counts, 0)
    mutual = jnp.sum(_xlogy(counts, counts * total, rows[:, None] * columns[None, :])) / total
    entropies = [-jnp.sum(_xlogy(sizes, sizes, jnp.full_like(sizes, total))) / total for sizes in (rows, columns)]
    expected = jnp.sum(_expected_terms(rows[:, None, None], columns[None, :, None], total, capacity)) / total
    mean = (entropies[0] + entropies[1]) / 2
    # Equal to zero up to rounding where there is nothing to tell.
    room = mean - expected
    return ratio(mutual - expected, jnp.where(room > 1e-5, room, 0), 1)


def _expected_terms(row, column, total, capacity: int):
    """Expected n log(n total / (row column)) for a hypergeometric n, for every pair of sizes."""
    dtype = row.dtype
    table = jnp.asarray(gammaln(np.arange(capacity + 1) + 1.0), dtype)
    reach = int(np.ceil(1.5 * np.sqrt(capacity))) + 2
    middle = jnp.round(row * column / total)
    number = middle + jnp.arange(-reach, reach + 1, dtype=dtype)[None, None, :]
    rest = [number, row - number, column - number, total - row - column + number]
    possible = jnp.all(jnp.stack(jnp.broadcast_arrays(*rest)) >= 0, axis=0)
    # What does not depend on the number cancels when the weights are normalised.
    logarithm = -sum(table[jnp.clip(part, 0, capacity).astype(jnp.int32)] for part in rest)
    logarithm = jnp.where(possible, logarithm, -jnp.inf)
    top = jnp.max(logarithm, axis=-1, keepdims=True)
    weights = jnp.exp(logarithm - jnp.where(jnp.isfinite(top), top, 0))
    weights = ratio(weights, jnp.sum(weights, axis=-1, keepdims=True))
    return weights * _xlogy(jnp.where(possible, number, 0), jnp.where(possible, number, 0) * total, row * column)


def _xlogy(factor, numerator, denominator):
    """The product of `factor` and log(numerator / denominator), zero where the factor is."""
    safe = factor > 0
    share = jnp.where(safe, numerator, 1) / jnp.where(safe, denominator, 1)
    return jnp.where(safe, factor * jnp.log(share), 0)
