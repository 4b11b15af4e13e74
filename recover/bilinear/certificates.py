"""What certifies a calibration: the data explained, or nothing left for signal and gains to gain."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.solver import Certificate
from ..core.stationarity import explained_excess, least_squares_excess
from ..core.stopping import relative_norm
from .problem import CalibrationProblem


def calibration_certificate(
    problem: CalibrationProblem,
    tolerance: Float[Array, ""],
    coordinates: Float[Array, " dimension"],
    gains: Float[Array, " sensors"],
    on_signals: Callable = lambda direction: direction,
    on_gains: Callable = lambda direction: direction,
) -> Certificate:
    r"""The lesser of the relative residual (`explained_excess`) and the share of $\|r\|^2$ that a Gauss-Newton step takes off.

    - `on_signals`, `on_gains`: projections on the directions in which signal and gains may move.
    """
    products = problem.products(coordinates)
    residual = problem.observations - gains[None, :] * products

    def forward(direction):
        signal, turn = direction
        return gains[None, :] * problem.products(on_signals(signal)) + products * on_gains(turn)[None, :]

    def adjoint(values):
        return (
            on_signals(problem.back_projection(gains[None, :] * values)),
            on_gains(jnp.sum(products * values, axis=0)),
        )

    explained = explained_excess(relative_norm(residual, problem.observations), tolerance)
    value = jnp.minimum(explained, least_squares_excess(residual, forward, adjoint, tolerance))
    return Certificate(value, jnp.zeros((), bool))
