"""What makes coefficients optimal on their support, by which solves are differentiated."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact

from ..core.adjoint import Optimality
from ..scalar.penalties import AbstractPenalty
from ..scalar.penalty_parts import signed_slope
from .problem import LinearProblem


def fitted(
    problem: LinearProblem,
    x: Inexact[Array, " dimension"],
    support: Bool[Array, " dimension"] | None = None,
    answer: Callable = lambda x: x,
) -> Optimality:
    r"""Least squares on a support, by default that of the coefficients: $A_S^\top (A x - y) = 0$."""
    support = x != 0 if support is None else support
    return Optimality(x, lambda x: -problem.adjoint(problem.residual(x)), answer, support, definite=True)


def penalised(
    problem: LinearProblem,
    penalty: Callable[[], AbstractPenalty],
    x: Inexact[Array, " dimension"],
    definite: bool,
) -> Optimality:
    r"""Stationarity on the support: $A_S^\top (A x - y) + \mathrm{sign}(x_S)\, p'(|x_S|) = 0$."""

    def residual(x):
        return signed_slope(penalty(), x, signs) - problem.adjoint(problem.residual(x))

    signs = jnp.sign(x)
    return Optimality(x, residual, free=signs != 0, definite=definite)
