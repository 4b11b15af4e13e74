"""Where the maximum-likelihood estimate of logistic regression exists."""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from ..scalar import gaussian

__all__ = ["logistic_existence_threshold"]

_NODES, _END, _STEPS = 2001, 9.0, 60


def logistic_existence_threshold(signal: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The number of unknowns for every row, $h(\gamma)$, below which the estimate exists, in the limit.

    $$h(\gamma) = \min_t E (t V - Z)_+^2, \qquad V \text{ of density } \frac{2 \varphi(v)}{1 + e^{-\gamma v}}, \quad Z \sim N(0, 1),$$

    of logistic regression without intercept on Gaussian columns, $\gamma$ the standard deviation of the linear predictor: one half at
    $\gamma = 0$, and falling.

    **Arguments:** `signal` $\gamma \ge 0$, a number or an array.

    **Returns:** the threshold in the same shape.

    **Raises:** `ValueError` for a concrete $\gamma$ that is negative.

    Source: Candès and Sur (candes2020, Theorem 1).
    """
    require_interval("signal", signal, 0, math.inf, closed="left")
    (signal,) = as_floats(signal)
    return jnp.vectorize(_threshold)(signal)


def _threshold(signal: Float[Array, ""]) -> Float[Array, ""]:
    v = jnp.linspace(-_END, _END, _NODES, dtype=signal.dtype)
    law = gaussian.density(v) * jax.nn.sigmoid(signal * v)
    law = law / jnp.sum(law)

    def newton(t, _):
        slope = law @ (v * (t * v * ndtr(t * v) + gaussian.density(t * v)))
        return t - slope / (law @ (v**2 * ndtr(t * v))), None

    # The slope is convex in t and positive at zero: from there the steps never pass the minimum.
    t = jax.lax.scan(newton, jnp.zeros_like(signal), None, length=_STEPS)[0]
    # At the minimum the value does not depend on t to first order.
    z = jax.lax.stop_gradient(t) * v
    return law @ ((z**2 + 1) * ndtr(z) + z * gaussian.density(z))
