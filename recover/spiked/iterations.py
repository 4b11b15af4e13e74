"""Starts as answers, power iteration, and the semidefinite relaxation of signs, for spiked problems."""

from typing import Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Real, count, leaf
from ..core.linalg import eigh
from ..core.numbers import unit
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import by_change, relative_norm
from .problem import SpikedProblem
from .starts import AbstractDirection, RandomDirection, SpectralDirection

__all__ = ["BurerMonteiro", "SpikeStart", "TensorPowerIteration"]


class SpikeState(eqx.Module):
    """The iterate, and the relative length of the last step."""

    x: Float[Array, "n *rank"]
    change: Float[Array, ""]


StateT = TypeVar("StateT", bound=SpikeState)


class AbstractSpikedSolver(AbstractSolver[SpikedProblem, StateT], Generic[StateT]):
    """A solver whose state has an `x` and a `change`: it has converged once a step changes x by at most `tolerance`, relatively."""

    tolerance: eqx.AbstractVar[Float[Array, ""]]

    def status(self, problem: SpikedProblem, state: StateT) -> Result:
        """By the last change."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: SpikedProblem, state: StateT) -> Float[Array, " n"]:
        """The iterate."""
        return state.x


def started(x: Float[Array, "..."]) -> SpikeState:
    """The state before the first step."""
    return SpikeState(x, jnp.full((), jnp.inf, x.dtype))


class SpikeStart(AbstractSpikedSolver[SpikeState]):
    """A start as the answer; with `SpectralDirection`, the default, of a matrix it is principal component analysis.

    There is one step, which does nothing.
    """

    start: AbstractDirection = eqx.field(default_factory=SpectralDirection)
    tolerance: Real = leaf(0.0)

    def init(self, problem: SpikedProblem, key: Key[Array, ""]) -> SpikeState:
        """The start."""
        return started(self.start(problem, key))

    def step(self, problem: SpikedProblem, state: SpikeState) -> SpikeState:
        """The start again."""
        return SpikeState(state.x, relative_norm(state.x - state.x, state.x))


class TensorPowerIteration(AbstractSpikedSolver[SpikeState]):
    r"""$u \leftarrow Y(u, \dots, u) / \|Y(u, \dots, u)\|$ from a start, of order three by default a random one.

    Source: Montanari and Richard (richard2014).
    """

    start: AbstractDirection = eqx.field(default_factory=RandomDirection)
    tolerance: Real = leaf(1e-5)

    def init(self, problem: SpikedProblem, key: Key[Array, ""]) -> SpikeState:
        """The start."""
        return started(self.start(problem, key))

    def step(self, problem: SpikedProblem, state: SpikeState) -> SpikeState:
        """One contraction."""
        x = unit(problem.contracted(state.x))
        return SpikeState(x, relative_norm(x - state.x, x))


class BurerMonteiro(AbstractSpikedSolver[SpikeState]):
    r"""The semidefinite relaxation of $\max_{x \in \{\pm 1\}^n} x^\top Y x$, in factored form with unit rows,

    $$\max_{V \in \mathbb{R}^{n \times r},\ \|V_i\| = 1} \langle V V^\top, Y \rangle, \qquad V_i \leftarrow \frac{((Y + s I) V)_i}{\|((Y + s I) V)_i\|},$$

    whose objective no step lowers where $Y + s I$ is positive semidefinite; the noise of a spiked matrix has its lowest eigenvalue
    near $-2$. The answer is the signs of the leading left singular vector of $V$. With $r > \sqrt{2 n}$ there are no spurious second-order
    points; small ranks do nearly as well.

    - `rank`: $r$ (static); `shift`: $s$.

    Sources: Javanmard, Montanari and Ricci-Tersenghi (javanmard2016); Boumal, Voroninski and Bandeira (boumal2016).

    **Raises:** `ValueError`, when solving, for a tensor.
    """

    rank: int = count(2, default=10)
    shift: Real = leaf(2.2, "nonnegative")
    tolerance: Real = leaf(1e-4)

    def init(self, problem: SpikedProblem, key: Key[Array, ""]) -> SpikeState:
        """Random unit rows."""
        if problem.order != 2:
            raise ValueError(f"BurerMonteiro: the problem has order {problem.order}; 2 is allowed.")
        rows = draws.normal(key, (problem.dimension, self.rank)).astype(problem.observations.dtype)
        return started(unit(rows))

    def step(self, problem: SpikedProblem, state: SpikeState) -> SpikeState:
        """One product, and rows made unit again."""
        x = unit(problem.observations @ state.x + self.shift * state.x)
        return SpikeState(x, relative_norm(x - state.x, x))

    def estimate(self, problem: SpikedProblem, state: SpikeState) -> Float[Array, " n"]:
        """Signs of the leading singular vector."""
        _, vectors = eigh(state.x.T @ state.x)
        return jnp.sign(state.x @ vectors[:, -1])
