"""Scalars that compare an estimate with the truth."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from .numbers import norm, ratio
from .units import largest, power_of_two


def relative_error(truth: Inexact[Array, "..."], estimate: Inexact[Array, "..."]) -> Float[Array, ""]:
    r"""$\|\hat x - x_0\|_2 / \|x_0\|_2$ over all entries; $\|\hat x\|_2$ when the truth is zero."""
    # In units, exact powers of two, in which no square vanishes or overflows.
    scale = power_of_two(largest(truth)).astype(truth.dtype)
    size = norm(truth / scale)
    difference = norm(jnp.where(size == 0, estimate - truth, (estimate - truth) / scale))
    return ratio(difference, size, difference)


def support_metrics(
    truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]
) -> dict[str, Float[Array, ""]]:
    """How well an estimate finds the support of a sparse vector.

    - `false_discovery`: share of the estimated support that is wrong (0 when it is empty).
    - `power`: share of the true support that is found (1 when it is empty).
    - `signed_support`: 1 if sign(estimate) equals sign(truth) in every coordinate, else 0.
    - `support_size`: number of nonzero estimated coefficients.
    """
    found, true = estimate != 0, truth != 0
    dtype = truth.dtype
    hits = jnp.sum(found & true).astype(dtype)
    size = jnp.sum(found).astype(dtype)
    sparsity = jnp.sum(true).astype(dtype)
    return {
        "false_discovery": jnp.where(size > 0, 1 - hits / jnp.maximum(size, 1), 0),
        "power": jnp.where(sparsity > 0, hits / jnp.maximum(sparsity, 1), 1),
        "signed_support": jnp.all(jnp.sign(estimate) == jnp.sign(truth)).astype(dtype),
        "support_size": size,
    }


def correlation(
    first: Float[Array, "..."], second: Float[Array, "..."], weights: Float[Array, "..."] | None = None
) -> Float[Array, ""]:
    """Pearson's correlation over all entries, of which each counts by its weight (zeros and ones); 0 if one is constant."""
    weights = jnp.ones_like(first) if weights is None else weights
    total = jnp.maximum(jnp.sum(weights), 1)
    first = weights * (first - jnp.sum(weights * first) / total)
    second = weights * (second - jnp.sum(weights * second) / total)
    return ratio(jnp.sum(first * second), norm(first) * norm(second))
