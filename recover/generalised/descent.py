r"""What solvers of penalised generalised linear models share: $\min_x f(x) + p(x)$ over the coordinates that are kept."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core.adjoint import Optimality
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress
from ..scalar.penalties import L1, AbstractPenalty
from ..scalar.penalty_parts import stationary
from .generalised_problem import GeneralisedLinearProblem

__all__ = ["AbstractDescent"]


class Descent(eqx.Module):
    """Coefficients, the penalty and which coordinates are kept; `at`, where predictor and gradient of the loss were last taken.

    `scale` is the largest slope of the loss at zero, to which stationarity is relative; `memory` is the solver's own.
    """

    x: Float[Array, " dimension"]
    at: Float[Array, " dimension"]
    predictor: Float[Array, " rows"]
    gradient: Float[Array, " dimension"]
    penalty: AbstractPenalty
    kept: Bool[Array, " dimension"]
    scale: Float[Array, ""]
    progress: Progress
    memory: Any


class AbstractDescent(AbstractSolver[GeneralisedLinearProblem, Descent]):
    r"""Minimises $f(x) + p(x)$, with the loss $f$ of the problem, from where it is told to start.

    It stops by stationarity, relative to $\|\nabla f(0)\|_\infty$; stalled when that has not fallen by one per cent in `patience`
    steps.
    """

    penalty: eqx.AbstractVar[AbstractPenalty]
    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    @abc.abstractmethod
    def prepared(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> Any:
        """What is computed of a problem once, whatever the penalty: the memory before the first start."""

    @abc.abstractmethod
    def started(self, problem: GeneralisedLinearProblem, state: Descent) -> Descent:
        """The state from which its coefficients are improved: the memory is made new."""

    def begin(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> Descent:
        """At zero coefficients, all of them kept."""
        x = jnp.zeros(problem.dimension, problem.observations.dtype)
        predictor = jnp.zeros_like(problem.observations)
        gradient = problem.gradient(predictor)
        scale = jnp.max(jnp.abs(gradient))
        progress, kept = Progress.start(x.dtype), jnp.ones(x.shape, bool)
        state = Descent(x, x, predictor, gradient, self.penalty, kept, scale, progress, self.prepared(problem, key))
        return self.started(problem, state)

    def again(
        self,
        problem: GeneralisedLinearProblem,
        state: Descent,
        penalty: AbstractPenalty,
        kept: Bool[Array, " dimension"],
    ) -> Descent:
        """A start at the coefficients of a state, for another penalty and other coordinates."""
        changed = eqx.tree_at(
            lambda state: (state.penalty, state.kept, state.progress),
            state,
            (penalty, kept, Progress.start(state.x.dtype)),
        )
        return self.started(problem, changed)

    def moved(self, state: Descent, x, at, predictor, gradient, moved: Float[Array, ""], memory) -> Descent:
        """The state after a step to `x` that moved by the slope `moved`, with the loss as it is at `at`."""
        stationarity = moved / jnp.where(state.scale > 0, state.scale, 1)
        progress = state.progress.update(stationarity, stationarity)
        return Descent(x, at, predictor, gradient, state.penalty, state.kept, state.scale, progress, memory)

    def status(self, problem: GeneralisedLinearProblem, state: Descent) -> Result:
        """By stationarity."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: GeneralisedLinearProblem, state: Descent) -> Float[Array, " dimension"]:
        """The coefficients, with exact zeros."""
        return state.x

    def optimality(self, problem: GeneralisedLinearProblem, state: Descent) -> Optimality:
        """A vanishing gradient on the support."""
        return stationary(
            lambda x: problem.gradient(problem.predictor(x)),
            lambda: self.penalty,
            state.x,
            isinstance(self.penalty, L1),
        )

    def objective(self, problem: GeneralisedLinearProblem, state: Descent) -> Float[Array, ""]:
        r"""$f + p$ where the loss was last taken, at no further product."""
        return problem.loss(state.predictor) + state.penalty.value(state.at)
