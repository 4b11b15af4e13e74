"""Directions that solvers of spiked problems start from, with how good they are in the limit."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core import draws, lanczos
from ..core.directions import at_cosine
from ..core.fields import AbstractModule, Real, Whole, count, integer, leaf
from ..core.numbers import unit
from .problem import SpikedProblem

__all__ = [
    "AbstractDirection",
    "ChosenDirection",
    "CorrelatedDirection",
    "PartialTraceDirection",
    "RandomDirection",
    "SpectralDirection",
]

# What message passing takes for the squared cosine of a start that theory expects nothing of.
_LEAST = 0.02


class AbstractDirection(AbstractModule):
    """A rule for a unit vector, and what message passing must know of it."""

    @abc.abstractmethod
    def __call__(self, problem: SpikedProblem, key: Key[Array, ""]) -> Float[Array, " n"]:
        """The direction."""

    def squared_cosine(self, problem: SpikedProblem) -> Float[Array, ""]:
        """Its squared cosine with the signal, as far as it is known."""
        return jnp.full((), 1 / problem.dimension, problem.observations.dtype)

    def memory(self, problem: SpikedProblem) -> Float[Array, ""]:
        """How much of the start message passing takes away in its first step, since the start has seen the noise."""
        return jnp.zeros((), problem.observations.dtype)


class RandomDirection(AbstractDirection):
    """A uniformly random direction."""

    def __call__(self, problem, key):
        """A normal vector, rescaled."""
        return _random(problem, key)


class CorrelatedDirection(AbstractDirection):
    """A random direction whose cosine with the signal is given, where the problem knows the signal; 1 is the signal itself."""

    cosine: Real = leaf(1.0, "closed probability")

    def __call__(self, problem, key):
        """The signal and a random direction orthogonal to it."""
        if problem.oracle is None:
            raise ValueError(
                "CorrelatedDirection: the problem has no `known_signal`; one is needed (`reveal_signal=True` of the model)."
            )
        return at_cosine(problem.oracle, _random(problem, key), self.cosine)

    def squared_cosine(self, problem):
        """That which was asked for."""
        return jnp.asarray(self.cosine, problem.observations.dtype) ** 2


class SpectralDirection(AbstractDirection):
    r"""The eigenvector of the largest eigenvalue of a matrix, or of $M M^\top$ for the unfolding $M$ of a tensor, by Lanczos iteration.

    In the limit its squared cosine is $1 - \lambda^{-2}$ for a matrix and $1 - n / (2 \lambda^4)$ for a symmetric tensor of order three
    (`recover.theory.unfolding_overlap`).
    The eigenvector of a matrix is a fixed point of linear message passing with memory $1 / \lambda$.

    - `steps`: of the iteration.
    """

    steps: int = count(2, default=100)

    def __call__(self, problem, key):
        """The leading eigenvector."""
        return lanczos.leading_eigenvector(problem.spectral_product, _random(problem, key), self.steps)

    def squared_cosine(self, problem):
        """That of the limit, but at least .02."""
        inverse = 1 / jnp.maximum(problem.signal_strength, 1e-3) ** 2
        predicted = 1 - inverse if problem.order == 2 else 1 - problem.dimension * inverse**2 / 2
        return jnp.clip(predicted, _LEAST, 1)

    def memory(self, problem):
        """The inverse of the signal strength above the transition of a matrix; unfoldings have none."""
        strength = jnp.asarray(problem.signal_strength, problem.observations.dtype)
        return 1 / jnp.maximum(strength, 1) if problem.order == 2 else jnp.zeros_like(strength)


class PartialTraceDirection(AbstractDirection):
    r"""$u_i = \sum_j Y_{ijj}$ of a tensor, rescaled: what is linear in time and as good as unfolding up to a constant."""

    def __call__(self, problem, key):
        """The partial trace."""
        if problem.order != 3:
            raise ValueError(f"PartialTraceDirection: the problem has order {problem.order}; 3 is allowed.")
        return unit(jnp.trace(problem.observations, axis1=1, axis2=2))


class ChosenDirection(AbstractDirection):
    """One of several starts with a traced number: a sweep over kinds of starts is one program.

    - `choice`: from 0 to the number of starts less one.
    - `starts`: the starts, all of which are computed.

    **Raises:** `ValueError` for a number that is none of these.
    """

    choice: Whole = integer(0, most="last")
    starts: tuple[AbstractDirection, ...]

    @property
    def last(self) -> int:
        """The number of the last start."""
        return len(self.starts) - 1

    def __call__(self, problem, key):
        """The start that is chosen."""
        return self._chosen(start(problem, key) for start in self.starts)

    def squared_cosine(self, problem):
        """That of the start that is chosen."""
        return self._chosen(start.squared_cosine(problem) for start in self.starts)

    def memory(self, problem):
        """That of the start that is chosen."""
        return self._chosen(start.memory(problem) for start in self.starts)

    def _chosen(self, each):
        return jax.lax.select_n(jnp.asarray(self.choice), *each)


def _random(problem: SpikedProblem, key: Key[Array, ""]) -> Float[Array, " n"]:
    return unit(draws.normal(key, (problem.dimension,)).astype(problem.observations.dtype))
