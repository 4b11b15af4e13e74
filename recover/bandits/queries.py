"""What all solvers of bandits have in common, and random search."""

import abc
from typing import Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws, threefry
from ..core.fields import Size, size
from ..core.results import Result
from ..core.selection import first_largest, smallest_words_mask
from ..core.solver import AbstractSolver
from .problem import BanditProblem

__all__ = ["RandomSearch"]

StateT = TypeVar("StateT")


class AbstractBanditSolver(AbstractSolver[BanditProblem, StateT], Generic[StateT]):
    """Queries actions and answers the best of those: the number of an action. The state has a mask `queried`."""

    @abc.abstractmethod
    def finished(self, problem: BanditProblem, state: StateT) -> Bool[Array, ""]:
        """Whether nothing is left to query."""

    def status(self, problem: BanditProblem, state: StateT) -> Result:
        """Converged when nothing is left to query; diverged where a reward is no number."""
        result = Result.where(self.finished(problem, state), Result.converged, Result.running)
        return Result.where(jnp.all(jnp.isfinite(problem.observations)), result, Result.diverged)

    def estimate(self, problem: BanditProblem, state: StateT) -> Int[Array, ""]:
        """The queried action of largest reward."""
        return first_largest(jnp.where(state.queried, problem.observations, -jnp.inf))

    def stats(self, problem: BanditProblem, state: StateT) -> dict[str, Array]:
        """How many different actions were queried."""
        return {"queries": jnp.sum(state.queried, dtype=jnp.int32)}


def greedy_action(problem: BanditProblem, coefficients: Float[Array, " dimension"]) -> Int[Array, ""]:
    """The action of largest predicted reward."""
    return first_largest(jnp.where(problem.mask, problem.forward(coefficients), -jnp.inf))


def with_action(queried: Bool[Array, " actions"], action: Int[Array, ""]) -> Bool[Array, " actions"]:
    """The mask with one action more."""
    return queried | (jnp.arange(len(queried), dtype=jnp.int32) == action)


def random_actions(problem: BanditProblem, key: Key[Array, ""], number: Int[Array, ""]) -> Bool[Array, " actions"]:
    """The mask of so many actions at random, of all where there are fewer."""
    words = threefry.bits(draws.split(key)[0], (problem.rows,))
    words = jnp.where(problem.mask, words, np.uint32(2**32 - 1))
    return smallest_words_mask(words, jnp.minimum(number, problem.samples)) & problem.mask


class RandomSearchState(eqx.Module):
    """The actions that are to be queried, and whether they were."""

    queried: Bool[Array, " actions"]
    done: Bool[Array, ""]


class RandomSearch(AbstractBanditSolver[RandomSearchState]):
    """The best of `queries` actions at random, without replacement; features are not looked at."""

    queries: Size = size(1)

    def init(self, problem: BanditProblem, key: Key[Array, ""]) -> RandomSearchState:
        """A random set of actions."""
        return RandomSearchState(random_actions(problem, key, self.queries), jnp.zeros((), bool))

    def step(self, problem: BanditProblem, state: RandomSearchState) -> RandomSearchState:
        """Queries all of them."""
        return RandomSearchState(state.queried, jnp.ones((), bool))

    def finished(self, problem: BanditProblem, state: RandomSearchState) -> Bool[Array, ""]:
        """After one step."""
        return state.done
