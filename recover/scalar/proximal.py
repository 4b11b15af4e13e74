"""Elementary thresholding maps."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def soft_threshold(
    v: Float[Array, "..."], threshold: Float[Array, "..."], nonnegative: bool = False
) -> Float[Array, "..."]:
    r"""$\eta(v; t) = \mathrm{sign}(v) (|v| - t)_+$; with `nonnegative`, $(v - t)_+$."""
    if nonnegative:
        return jnp.maximum(v - threshold, 0)
    return v - jnp.clip(v, -threshold, threshold)
