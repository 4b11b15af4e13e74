"""What solvers of linear problems share."""

from typing import Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Int

from ..core.leaves import floating_dtype
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress, relative_norm
from .problem import LinearProblem

__all__ = ["AbstractLinearSolver"]

StateT = TypeVar("StateT")


class AbstractLinearSolver(AbstractSolver[LinearProblem, StateT], Generic[StateT]):
    """A solver of `LinearProblem` whose state has an `x` and a `progress`.

    `progress` holds what its stopping rule looks at: for most solvers the relative residual and the relative change of
    `x` in a step; for penalised ones, whose residual does not vanish, a measure of stationarity in place of both.
    Converged when either is at most `tolerance`, stalled when the first has not fallen by one per cent in `patience`
    steps.
    """

    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    def status(self, problem: LinearProblem, state: StateT) -> Result:
        """By what the last step reported."""
        return _progress(state).status(self.tolerance, self.patience)

    def estimate(self, problem: LinearProblem, state: StateT) -> Inexact[Array, " dimension"]:
        """The current coefficients; where the solve has stalled, the best ones if the state keeps them."""
        return _answer(state, self.status(problem, state))

    def stats(self, problem: LinearProblem, state: StateT) -> dict[str, Array]:
        """The relative residual ||y - A x|| / ||y|| of the estimate."""
        return {"residual": relative_norm(problem.residual(self.estimate(problem, state)), problem.observations)}


def unsettled(value: Float[Array, ""]) -> Certificate:
    """A certificate that further steps may improve."""
    return Certificate(value, jnp.zeros((), bool))


class Best(eqx.Module):
    """The coefficients of the least residual (or other merit) so far, which an iteration that cycles or drifts off leaves behind."""

    x: Inexact[Array, " dimension"]
    residual: Float[Array, ""]

    @staticmethod
    def start(x: Inexact[Array, " dimension"]) -> "Best":
        """Before the first step."""
        return Best(x, jnp.full((), jnp.inf, floating_dtype(x)))

    def update(self, x: Inexact[Array, " dimension"], residual: Float[Array, ""]) -> "Best":
        """After a step that left a residual."""
        better = residual < self.residual
        return Best(jnp.where(better, x, self.x), jnp.where(better, residual, self.residual))


def _answer(state, result: Result) -> Inexact[Array, " dimension"]:
    best = getattr(state, "best", None)
    if best is None:
        return state.x
    return jnp.where((result == Result.stalled) & jnp.isfinite(best.residual), best.x, state.x)


def _progress(state) -> Progress:
    return state.progress


def zeros(problem: LinearProblem) -> Inexact[Array, " dimension"]:
    """The zero vector of coefficients."""
    return jnp.zeros(problem.dimension, problem.observations.dtype)
