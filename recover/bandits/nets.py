"""Nets on spheres of few dimensions, and the supports that they are laid over."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

# Upper bound on the covering radius of the Fibonacci net, times the root of its number of points (tested).
FIBONACCI_RADIUS = 3.0


def net(most: int, points: Int[Array, ""], sparsity: int, dtype) -> Float[Array, "most sparsity"]:
    r"""`points` directions on the sphere of $\mathbb{R}^s$, padded by repeating the first one.

    The two signs for $s = 1$, equidistant angles for $s = 2$, Fibonacci's spiral for $s = 3$.
    """
    place = jnp.arange(most, dtype=jnp.int32)
    place, points = jnp.where(place < points, place, 0).astype(dtype), points.astype(dtype)
    if sparsity == 1:
        return (1 - 2 * jnp.minimum(place, 1))[:, None]
    if sparsity == 2:
        angle = 2 * math.pi * place / points
        return jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    height = 1 - (2 * place + 1) / points
    radius = jnp.sqrt(jnp.maximum(1 - height**2, 0))
    # Only the fraction of a turn counts; many turns would cost precision.
    angle = 2 * math.pi * ((place * ((math.sqrt(5) - 1) / 2)) % 1)
    return jnp.stack([radius * jnp.cos(angle), radius * jnp.sin(angle), height], axis=1)


def covering_radius(points: Int[Array, ""], sparsity: int, dtype) -> Float[Array, ""]:
    """How far a point of the sphere is from the nearest one of the net, at most."""
    count = points.astype(dtype)
    if sparsity == 1:
        return jnp.zeros((), dtype)
    if sparsity == 2:
        return 2 * jnp.sin(math.pi / (2 * count))
    return jnp.minimum(FIBONACCI_RADIUS / jnp.sqrt(count), 2)


def supports(dimension: int, sparsity: int) -> Int[np.ndarray, "supports sparsity"]:
    """All sets of `sparsity` columns, those among the first columns first: for fewer columns they are a prefix."""
    chosen = np.asarray(list(itertools.combinations(range(dimension), sparsity)), np.int32)
    return chosen[np.lexsort(chosen.T)]


def supports_within(width: Int[Array, ""], sparsity: int) -> Int[Array, ""]:
    """How many of them there are among the first `width` columns."""
    found = jnp.ones((), jnp.int32)
    for place in range(sparsity):
        found = found * jnp.maximum(width.astype(jnp.int32) - place, 0) // (place + 1)
    return found
