"""How noisy a function on a grid is, without knowing the function."""

import itertools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["haar_noise_variance"]

# The median of |z| for a standard normal z.
_MEDIAN = 0.6744897501960817


def haar_noise_variance(values: Float[Array, "*cells"]) -> Float[Array, ""]:
    r"""$\hat\sigma^2 = (\operatorname{median} |w| / 0.6745)^2$ over all Haar coefficients $w$ of the finest level but the smooth ones.

    Of a function that is smooth off a set of few cells these are nearly noise alone. A last cell left over along an
    axis is not used.

    Source: D. L. Donoho and I. M. Johnstone, Biometrika 81 (1994) 425-455 (donoho1994).
    """
    for axis, size in enumerate(values.shape):
        values = jax.lax.slice_in_dim(values, 0, size - size % 2, axis=axis)
    details = []
    for kinds in itertools.product((0, 1), repeat=values.ndim):
        if any(kinds):
            part = values
            for axis, kind in enumerate(kinds):
                even = jax.lax.slice_in_dim(part, 0, None, 2, axis)
                odd = jax.lax.slice_in_dim(part, 1, None, 2, axis)
                part = (even - odd if kind else even + odd) * 0.5**0.5
            details.append(part.reshape(-1))
    return (jnp.median(jnp.abs(jnp.concatenate(details))) / _MEDIAN) ** 2
