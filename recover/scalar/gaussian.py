"""Functions of the standard normal law that stay accurate in the tails and in float32."""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Array, Float

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def density(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The density $\varphi(z)$."""
    return jnp.exp(-0.5 * z**2 - LOG_SQRT_2PI)


def upper_tail(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The tail probability $Q(z) = 1 - \Phi(z)$."""
    return ndtr(-z)


def log_mills(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The logarithm of the Mills ratio $Q(z) / \varphi(z)$."""
    return log_ndtr(-z) + 0.5 * z**2 + LOG_SQRT_2PI


def mills_deficit(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$1 - z Q(z) / \varphi(z)$: falls from 1 at $z = 0$ to 0 as $1/z^2$."""
    return 1 - z * jnp.exp(log_mills(z))


def threshold_odds(z: Float[Array, "..."], nonnegative: bool) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r"""The log-odds $\log((1-\delta)/\delta)$ of the sampling ratio whose minimax threshold is $z$, and its slope in $\log z$.

    Solving the parametric form of the weak transition for the odds removes its cancellations:
    $(1-\delta)/\delta = z (2\Phi(z) - 1) / (2\varphi(z))$, for nonnegative signals $z \Phi(z) / \varphi(z)$.
    The log-odds increase and are convex in $\log z$, so that Newton's method converges from either side.
    """
    mass = ndtr(z) if nonnegative else 0.5 * jax.lax.erf(z * math.sqrt(0.5))
    value = jnp.log(z * mass) + 0.5 * z**2 + LOG_SQRT_2PI
    slope = 1 + z * density(z) / mass + z**2
    return value, slope


def null_risk(threshold: Float[Array, "..."], nonnegative: bool) -> Float[Array, "..."]:
    r"""The risk $E\,\eta(Z; \alpha)^2$ of soft thresholding at zero signal and unit noise.

    $2[(1+\alpha^2) Q(\alpha) - \alpha\varphi(\alpha)]$; half of it where only positive values are kept.
    """
    one_side = (1 + threshold**2) * upper_tail(threshold) - threshold * density(threshold)
    return one_side if nonnegative else 2 * one_side
