"""Minimax soft thresholding of complex numbers: the threshold of complex AMP and its phase transition."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats

__all__ = ["complex_amp_transition", "complex_minimax_threshold"]

# Multipliers that are tried: the transition is flat around its maximum.
_LARGEST, _COUNT = 4.0, 801


def complex_minimax_threshold(sampling_ratio: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The multiplier $\alpha$ with which complex AMP recovers the most nonzeros: the maximiser in `complex_amp_transition`.

    Read off a grid of spacing 0.005, for ratios from 0.01 to 0.95, to which others are clamped.

    **Arguments:** `sampling_ratio` $\delta = m/n$, any shape.

    **Returns:** $\alpha$ of the same shape.

    Source: Maleki, Anitori, Yang and Baraniuk (maleki2013, section III).
    """
    (ratio,) = as_floats(sampling_ratio)
    grid, values = _curve(jnp.clip(ratio, 0.01, 0.95))
    return jax.lax.stop_gradient(grid[jnp.argmax(values, axis=-1)])


def complex_amp_transition(sampling_ratio: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The share of nonzeros per observation up to which complex AMP contracts to zero error.

    $$\rho(\delta) = \max_\alpha \frac{1 - g(\alpha)/\delta}{1 + \alpha^2 - g(\alpha)}, \qquad
      g(\alpha) = \mathrm{E} (|w| - \alpha)_+^2 = e^{-\alpha^2} - \alpha \sqrt\pi\, \mathrm{erfc}(\alpha), \quad w \sim CN(0, 1).$$

    **Arguments:** `sampling_ratio` $\delta = m/n$ in [0.01, 0.95], any shape; others are clamped.

    **Returns:** $\rho$ of the same shape.

    Source: Maleki, Anitori, Yang and Baraniuk (maleki2013, section III).
    """
    (ratio,) = as_floats(sampling_ratio)
    return jnp.max(_curve(jnp.clip(ratio, 0.01, 0.95))[1], axis=-1)


def _curve(ratio: Float[Array, "..."]) -> tuple[Float[Array, " grid"], Float[Array, "... grid"]]:
    grid = jnp.linspace(0, _LARGEST, _COUNT, dtype=ratio.dtype)
    null = jnp.exp(-(grid**2)) - grid * jnp.pi**0.5 * jax.scipy.special.erfc(grid)
    null, most = (each.reshape(*(1,) * ratio.ndim, -1) for each in (null, 1 + grid**2 - null))
    return grid, (1 - null / ratio[..., None]) / most
