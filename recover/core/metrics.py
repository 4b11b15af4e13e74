"""Scalars that compare an estimate with the truth."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def relative_error(truth: Float[Array, "..."], estimate: Float[Array, "..."]) -> Float[Array, ""]:
    r"""$\|\hat x - x_0\|_2 / \|x_0\|_2$ over all entries; $\|\hat x\|_2$ when the truth is zero."""
    scale = jnp.sqrt(jnp.sum(truth**2))
    return jnp.sqrt(jnp.sum((estimate - truth) ** 2)) / jnp.where(scale > 0, scale, 1)


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
