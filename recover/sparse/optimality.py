"""What makes coefficients optimal on their support, by which solves are differentiated."""

from collections.abc import Callable

from jaxtyping import Array, Bool, Inexact

from ..core.adjoint import Optimality
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
