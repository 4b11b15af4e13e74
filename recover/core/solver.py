"""What every solver is: four pure functions of a problem and a state, and what else it reports."""

import abc
from typing import Generic, TypeVar

from jaxtyping import Array, Key, PyTree

from .fields import AbstractModule
from .results import Result

__all__ = ["AbstractSolver"]

ProblemT = TypeVar("ProblemT")
StateT = TypeVar("StateT")


class AbstractSolver(AbstractModule, Generic[ProblemT, StateT]):
    """An iterative algorithm as four pure functions of a problem and a state.

    Numeric hyper-parameters are array leaves (`recover.core.leaves.leaf`), so they can be swept without compiling again. A
    solver never loops: `recover.solve` and `recover.sweep` do.
    """

    @abc.abstractmethod
    def init(self, problem: ProblemT, key: Key[Array, ""]) -> StateT:
        """The state before the first step; a pytree of arrays whose shapes and dtypes no step changes."""

    @abc.abstractmethod
    def step(self, problem: ProblemT, state: StateT) -> StateT:
        """The state after one more iteration."""

    @abc.abstractmethod
    def status(self, problem: ProblemT, state: StateT) -> Result:
        """Whether to go on (`Result.running`), or why not."""

    @abc.abstractmethod
    def estimate(self, problem: ProblemT, state: StateT) -> PyTree:
        """What the solver would answer if it stopped here; the same structure as the model's truth."""

    def stats(self, problem: ProblemT, state: StateT) -> dict[str, Array]:
        """Scalars worth reporting besides the number of steps."""
        return {}
