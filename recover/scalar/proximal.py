"""Elementary thresholding maps."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..core.numbers import ratio


def soft_threshold(
    v: Inexact[Array, "..."], threshold: Float[Array, "..."], nonnegative: bool = False
) -> Inexact[Array, "..."]:
    r"""$\eta(v; t) = \mathrm{sign}(v) (|v| - t)_+$; with `nonnegative`, $(v - t)_+$; complex, the modulus shrinks."""
    if jnp.iscomplexobj(v):
        size = jnp.abs(v)
        return v * ratio(jnp.maximum(size - threshold, 0), size)
    if nonnegative:
        return jnp.maximum(v - threshold, 0)
    return v - jnp.clip(v, -threshold, threshold)
