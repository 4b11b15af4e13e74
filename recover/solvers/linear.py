"""What solvers of linear problems share."""

import abc
from typing import Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..problems import LinearProblem
from ..results import Result
from ..stopping import Progress, relative_norm
from .base import AbstractSolver

StateT = TypeVar("StateT")


class AbstractLinearSolver(AbstractSolver[LinearProblem, StateT], Generic[StateT]):
    """A solver of `LinearProblem` whose state has an `x` and a `progress`.

    It stops when the relative residual ||y - A x|| / ||y|| or the relative change of `x` in a step is at most
    `tolerance`, and is stalled when the residual has not fallen by one per cent in `patience` steps.
    """

    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    @abc.abstractmethod
    def init(self, problem, key): ...

    @abc.abstractmethod
    def step(self, problem, state): ...

    def status(self, problem: LinearProblem, state: StateT) -> Result:
        """By the relative residual and the relative change of the last step."""
        return _progress(state).status(self.tolerance, self.patience)

    def estimate(self, problem: LinearProblem, state: StateT) -> Float[Array, " dimension"]:
        """The current coefficients."""
        return state.x

    def stats(self, problem: LinearProblem, state: StateT) -> dict[str, Array]:
        """The last relative residual."""
        return {"residual": _progress(state).residual}


class AbstractStationarySolver(AbstractSolver[LinearProblem, StateT], Generic[StateT]):
    """A solver of `LinearProblem` for which a small residual proves nothing: it stops when it stops moving.

    Its state has an `x` and a `progress` whose `residual` and `change` are both a relative measure of stationarity.
    Converged when that is at most `tolerance`, stalled when it has not fallen by one per cent `patience` times.
    """

    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    @abc.abstractmethod
    def init(self, problem, key): ...

    @abc.abstractmethod
    def step(self, problem, state): ...

    def status(self, problem: LinearProblem, state: StateT) -> Result:
        """By the measure of stationarity."""
        return _progress(state).status(self.tolerance, self.patience)

    def estimate(self, problem: LinearProblem, state: StateT) -> Float[Array, " dimension"]:
        """The current coefficients."""
        return state.x

    def stats(self, problem: LinearProblem, state: StateT) -> dict[str, Array]:
        """The relative residual ||y - A x|| / ||y||, and the measure of stationarity."""
        residual = relative_norm(problem.residual(state.x), problem.observations)
        return {"residual": residual, "stationarity": _progress(state).residual}


def _progress(state) -> Progress:
    return state.progress


def zeros(problem: LinearProblem) -> Float[Array, " dimension"]:
    """The zero vector of coefficients."""
    return jnp.zeros(problem.dimension, problem.observations.dtype)
