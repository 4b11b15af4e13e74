"""Sparse bandits by a net over the directions of all supports, whole or by elimination."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core.fields import Real, Size, count, leaf, size
from ..core.selection import first_largest
from ..core.sizes import capacity, row_mask
from .nets import covering_radius, net, supports, supports_within
from .problem import BanditProblem
from .queries import AbstractBanditSolver, with_action

__all__ = ["SparseElimination", "SparseNet"]

# Directions at a time: their scores of all actions stay in the cache of a processor.
_BLOCK = 8


class SparseNetState(eqx.Module):
    """What is to be queried so far, and how many supports were gone through."""

    queried: Bool[Array, " actions"]
    support: Int[Array, ""]


class SparseNet(AbstractBanditSolver[SparseNetState]):
    r"""Queries $\arg\max_a \langle \phi_M(a), \vartheta \rangle$ for every set $M$ of $s$ columns and every $\vartheta$ of a net of their unit sphere.

    Some $\vartheta$ is within the covering radius $\rho$ of the direction of $\theta$, so the best action queried has a gap of
    at most $2 \rho \|\theta\| + 2 \varepsilon$ (features of norm at most one; `recover.theory.net_gap`), whatever the norm of
    $\theta$. At most $\binom ds$ times `points` queries; many directions share their action. They are not
    adaptive: the state's `queried` after the last step can be queried in one batch. One step is one support.

    Source: ours, the simplest method that attains the $O(\varepsilon^{-s} d^s)$ queries of Dong and Yang (dong2023, abstract).
    """

    sparsity: int = count(1, 3)
    points: Size = size(2)

    def init(self, problem: BanditProblem, key: Key[Array, ""]) -> SparseNetState:
        """Nothing queried.

        **Raises:** `ValueError` for fewer columns than nonzero coefficients.
        """
        require_columns(self, problem)
        return SparseNetState(jnp.zeros(problem.rows, bool), jnp.zeros((), jnp.int32))

    def step(self, problem: BanditProblem, state: SparseNetState) -> SparseNetState:
        """The best actions of all directions on one support. Exact ties are all queried."""
        blocks = -(-capacity(self, "points") // _BLOCK)
        directions = net(_BLOCK * blocks, self.points, self.sparsity, problem.observations.dtype)
        chosen = jnp.asarray(supports(problem.dimension, self.sparsity))[state.support]
        features = problem.columns(chosen)

        def query(queried, block):
            # A product of matrices is computed once. Written out as a sum it is computed again for the comparison, may be rounded
            # otherwise there, and then misses its own maximum.
            scores = jnp.where(problem.mask[None, :], block @ features, -jnp.inf)
            best = scores >= jnp.max(scores, axis=1, keepdims=True)
            return queried | jnp.any(best, axis=0), None

        queried, _ = jax.lax.scan(query, state.queried, directions.reshape(blocks, _BLOCK, self.sparsity))
        return SparseNetState(queried, state.support + 1)

    def finished(self, problem: BanditProblem, state: SparseNetState) -> Bool[Array, ""]:
        """After the last support."""
        return state.support >= supports_within(problem.width, self.sparsity)


class SparseEliminationState(eqx.Module):
    """Which directions are consistent with all rewards seen, and which are still to be tried."""

    queried: Bool[Array, " actions"]
    alive: Bool[Array, "supports points"]
    untried: Bool[Array, "supports points"]


class SparseElimination(AbstractBanditSolver[SparseEliminationState]):
    r"""The same net, adaptively: queries the greedy action of one surviving direction after the other.

    A candidate $\vartheta$ survives a reward as long as $|\langle \phi(a), \vartheta \rangle - r(a)| \le \rho + \varepsilon$. The
    one next to $\theta$ always does, hence is tried, and the gap is at most that of `SparseNet` where $\|\theta\|$ is `norm`,
    which must be known here. One step is one query.

    Source: ours.
    """

    sparsity: int = count(1, 3)
    points: Size = size(2)
    norm: Real = leaf(1.0, "positive")

    def init(self, problem: BanditProblem, key: Key[Array, ""]) -> SparseEliminationState:
        """All directions.

        **Raises:** `ValueError` for fewer columns than nonzero coefficients.
        """
        require_columns(self, problem)
        number = len(supports(problem.dimension, self.sparsity))
        there = row_mask(supports_within(problem.width, self.sparsity), number)[:, None]
        there = there & row_mask(self.points, capacity(self, "points"))[None, :]
        return SparseEliminationState(jnp.zeros(problem.rows, bool), there, there)

    def step(self, problem: BanditProblem, state: SparseEliminationState) -> SparseEliminationState:
        """Queries one action, and removes what its reward contradicts."""
        dtype = problem.observations.dtype
        directions = self.norm * net(capacity(self, "points"), self.points, self.sparsity, dtype)
        chosen = jnp.asarray(supports(problem.dimension, self.sparsity))
        left = (state.alive & state.untried).reshape(-1)
        first = first_largest(left.astype(dtype))
        support, point = jnp.divmod(first, directions.shape[0])
        scores = directions[point] @ problem.columns(chosen[support])
        action = first_largest(jnp.where(problem.mask, scores, -jnp.inf))
        predicted = _row(problem, action)[chosen] @ directions.T
        rounding = 100 * jnp.finfo(dtype).eps
        allowed = self.norm * covering_radius(self.points, self.sparsity, dtype) + problem.misspecification + rounding
        consistent = jnp.abs(predicted - problem.observations[action]) <= allowed
        tried = jnp.arange(left.shape[0], dtype=jnp.int32) == first
        return SparseEliminationState(
            with_action(state.queried, action),
            state.alive & consistent,
            state.untried & ~tried.reshape(state.untried.shape),
        )

    def finished(self, problem: BanditProblem, state: SparseEliminationState) -> Bool[Array, ""]:
        """When all that survive were tried."""
        return ~jnp.any(state.alive & state.untried)


def _row(problem: BanditProblem, action: Int[Array, ""]) -> Float[Array, " dimension"]:
    place = jnp.arange(problem.rows, dtype=jnp.int32) == action
    return problem.adjoint(place.astype(problem.observations.dtype))


def require_columns(solver, problem: BanditProblem) -> None:
    """Raises `ValueError` where there are fewer columns than nonzero coefficients are sought."""
    if problem.dimension < solver.sparsity:
        raise ValueError(
            f"{type(solver).__name__}: `sparsity` is {solver.sparsity}; at most the {problem.dimension} columns of the problem are "
            "allowed."
        )
