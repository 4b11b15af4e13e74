"""What certifies a low-rank matrix: the data explained, or nothing left for its factors to gain."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.numbers import ratio
from ..core.solver import Certificate
from ..core.stationarity import explained_excess, least_squares_excess
from .factors import Factors
from .problem import MatrixSensingProblem

# Absolute values below this share of their mean count as squares: elsewhere they have the curvature 1 / |r|.
_KINK = 1e-4


def factored_certificate(
    problem: MatrixSensingProblem, tolerance: Float[Array, ""], factors: Factors, robust: bool
) -> Certificate:
    r"""The lesser of $\sum |r_i| / \sum |y_i|$ (`explained_excess`) and the share of the loss that a Gauss-Newton step takes off.

    - `robust`: whether the loss is $\sum |r_i|$, by its majoriser $\frac12 \sum r_i^2 / |r_i|$ at the residuals of the factors,
      instead of $\sum r_i^2$.
    """
    residual = problem.residual(factors.matrix())
    magnitudes = jnp.abs(residual)
    total = jnp.sum(magnitudes)
    explained = explained_excess(ratio(total, jnp.sum(jnp.abs(problem.observations)), total), tolerance)
    mean = total / problem.count
    weights = jnp.sqrt(ratio(mean, jnp.maximum(magnitudes, _KINK * mean))) if robust else jnp.ones_like(residual)

    def forward(direction):
        return weights * problem.forward(factors.derivative(direction))

    def adjoint(values):
        return factors.pull_back(problem.adjoint(weights * values))

    value = jnp.minimum(explained, least_squares_excess(weights * residual, forward, adjoint, tolerance))
    return Certificate(value, jnp.zeros((), bool))
