"""The law of the maximum-likelihood estimate of logistic regression with as many unknowns as a share of the rows."""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from ..scalar import gaussian

__all__ = ["logistic_likelihood_law"]

_NODES, _END = 81, 7.0
_STEPS, _LONGEST, _PROXIMAL_STEPS = 40, 0.5, 15


def logistic_likelihood_law(share: Real[ArrayLike, "..."], signal: Real[ArrayLike, "..."]) -> Float[Array, "... 3"]:
    r"""The numbers $\alpha, \sigma, \lambda$ of the estimate, whose coordinates are near $\alpha \beta_j + \sigma N(0, 1/n)$ in the limit.

    With $\kappa = p / n$, $\gamma$ the standard deviation of the linear predictor, $\rho' (t) = 1 / (1 + e^{-t})$, columns of unit
    variance, $Q_1 = \gamma Z_1$, $Q_2 = -\alpha Q_1 + \sqrt\kappa \sigma Z_2$ and $P$ the solution of $P + \lambda \rho'(P) = Q_2$,

    $$\sigma^2 = \frac{1}{\kappa^2} E\, 2 \rho'(Q_1) (\lambda \rho'(P))^2, \qquad 0 = E\, \rho'(Q_1) Q_1 \lambda \rho'(P), \qquad
      1 - \kappa = E\, \frac{2 \rho'(Q_1)}{1 + \lambda \rho''(P)}.$$

    Solved by forty Newton steps in logarithms, of bounded length.

    **Arguments:** `share` $\kappa \in (0, 1/2)$ and `signal` $\gamma > 0$, numbers or arrays that broadcast, below the boundary of
    `logistic_existence_threshold`: at or beyond it what is returned is no solution.

    **Returns:** $(\alpha, \sigma, \lambda)$ along a last axis.

    **Raises:** `ValueError` for concrete numbers out of range.

    Source: Sur and Candès (sur2019, equation 5).
    """
    require_interval("share", share, 0, 0.5, closed="neither")
    require_interval("signal", signal, 0, math.inf, closed="neither")
    return jnp.vectorize(_law, signature="(),()->(k)")(*jnp.broadcast_arrays(*as_floats(share, signal)))


def _law(share: Float[Array, ""], signal: Float[Array, ""]) -> Float[Array, "3"]:
    at = jnp.linspace(-_END, _END, _NODES, dtype=share.dtype)
    law = gaussian.density(at) / jnp.sum(gaussian.density(at))
    first, second = (each.ravel() for each in jnp.meshgrid(at, at))
    weights = jnp.outer(law, law).ravel()
    predictor = signal * first
    likely = weights * jax.nn.sigmoid(predictor)

    def residuals(logarithms):
        bias, spread, step = jnp.exp(logarithms)
        right = -bias * predictor + jnp.sqrt(share) * spread * second
        pulled = step * jax.nn.sigmoid(_proximal(right, step))
        chance = pulled / step
        return jnp.stack(
            [
                jnp.log(2 * (likely @ pulled**2)) - 2 * jnp.log(share * spread),
                likely @ (predictor * pulled) / signal,
                2 * (likely @ (1 / (1 + step * chance * (1 - chance)))) - 1 + share,
            ]
        )

    def newton(logarithms, _):
        move = jnp.linalg.solve(jax.jacfwd(residuals)(logarithms), residuals(logarithms))
        return logarithms - move * jnp.minimum(1, _LONGEST / jnp.max(jnp.abs(move))), None

    start = jnp.log(jnp.stack([1 + share, jnp.sqrt(4 + signal), 4 * share]))
    return jnp.exp(jax.lax.scan(newton, start, None, length=_STEPS)[0])


def _proximal(right: Float[Array, " nodes"], step: Float[Array, ""]) -> Float[Array, " nodes"]:
    """The solution of p + step / (1 + exp(-p)) = right, by Newton's method within its bracket."""

    def newton(p, _):
        chance = jax.nn.sigmoid(p)
        moved = p - (p + step * chance - right) / (1 + step * chance * (1 - chance))
        return jnp.clip(moved, right - step, right), None

    return jax.lax.scan(newton, right - step / 2, None, length=_PROXIMAL_STEPS)[0]
