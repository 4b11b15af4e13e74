"""Active multi-task representation learning: explore, find the relevant sources, buy of them, fit again."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.adjoint import Optimality, explicit
from ..core.fields import Real, choice, count, integer, leaf
from ..core.linalg import cholesky, cholesky_solve
from ..core.numbers import norm, unit
from ..core.results import Result
from ..core.selection import largest_mask
from ..core.solver import AbstractSolver
from ..core.stopping import by_change, relative_norm
from .allocation import least_norm_relevance, sparse_relevance, task_allocation
from .fit import TargetFit, descend, fitted_heads, spectral_basis
from .problem import MultitaskProblem

__all__ = ["ActiveRepresentation", "TargetRidge"]

_ALL = 2**31 - 1


class ActiveState(eqx.Module):
    """What is known of every source after the purchase, the fit, the relevance that the purchase was made by, and the plan.

    `planned` are the samples of every source that were wanted, those there included; `samples` those that were to be had.
    """

    moments: Float[Array, "tasks dimension dimension"]
    correlations: Float[Array, "tasks dimension"]
    samples: Float[Array, " tasks"]
    planned: Float[Array, " tasks"]
    relevance: Float[Array, " tasks"]
    basis: Float[Array, "dimension rank"]
    heads: Float[Array, "tasks rank"]
    target: Float[Array, " dimension"]
    change: Float[Array, ""]


class ActiveRepresentation(AbstractSolver[MultitaskProblem, ActiveState]):
    r"""Buys samples of sources by their relevance for the target, and fits a representation $B$ of `rank` columns to all of them.

    1. $B$, $w_m$ are fitted to the samples there (`exploration` steps of `recover.multitask.fit.descend`), and $w_t$ to the target's.
    2. The relevance is $\nu^1$ by a LASSO with $\lambda$ = `strength` $\cdot \|w_t\| \max_m \|w_m\|$ (`order` 1) or $\nu^2$ of least norm (`order` 2).
    3. $n_m = \max(n_m, c |\nu_m|^p)$ with $\sum_m n_m$ the `budget`, $p$ = `power`; with `sources`, of so many sources of largest $|\nu_m|$ only.
    4. Steps of the fit until the target's coefficients $B w_t$ move by at most the share `tolerance`. Directions that no relevant
       source has go on moving, which the target does not see.

    Order 1 and power 1 are L1-A-MTRL, 2 and 2 are L2-A-MTRL, power 0 is passive; all numbers are traced, so that rules share
    a program. With `relevance="oracle"` steps 1 and 2 take the heads of the problem's `oracle`, exactly. Without lots for
    sale nothing is bought, and `state.planned` says what to buy.

    Source: wang2023, L1-A-MTRL with one round; L2 and passive as in chen2022.
    """

    rank: int = count(1)
    budget: Int[Array, ""] = integer(0)
    order: Int[Array, ""] = integer(1, 2, default=1)
    power: Real = leaf(1.0, "nonnegative")
    sources: Int[Array, ""] = integer(1, default=_ALL)
    strength: Real = leaf(0.02, "nonnegative")
    relevance: str = choice("estimated", "oracle")
    # Static, one program per value: a loop of a traced number of steps has no derivatives in reverse mode.
    exploration: int = count(1, default=100)
    tolerance: Real = leaf(1e-4)

    def init(self, problem: MultitaskProblem, key: Key[Array, ""]) -> ActiveState:
        """Exploration, relevance and purchase.

        **Raises:** `ValueError` for more columns than features or sources, and without the `oracle` that is asked for.
        """
        tasks, dimension = problem.observations.shape
        if self.rank > min(tasks, dimension):
            raise ValueError(
                f"ActiveRepresentation: `rank` is {self.rank}; at most the smaller of {tasks} sources and {dimension} "
                "features is allowed."
            )
        data = problem.moments, problem.observations, problem.samples
        basis = spectral_basis(problem.observations, problem.samples, self.rank)
        if self.relevance == "oracle":
            if problem.oracle is None:
                raise ValueError("ActiveRepresentation: the problem's `oracle` is None; heads of all tasks are needed.")
            heads, head = problem.oracle
        else:
            basis = jax.lax.fori_loop(0, self.exploration, lambda _, basis: descend(basis, *data)[0], basis)
            heads, head = fitted_heads(basis, *data[:2]), self._target_head(problem, basis)
        # Relative to the lengths of heads, so that units of responses do not matter.
        strength = self.strength * norm(head) * jnp.max(norm(heads, axis=1))
        sparse = sparse_relevance(heads, head, strength if self.relevance == "estimated" else 0.0)
        relevance = jnp.where(self.order == 1, sparse, least_norm_relevance(heads, head))
        planned = self._planned(problem, relevance)
        moments, correlations, samples = data
        if problem.lots is not None:
            # Cumulative sums are rounded, so that the budget is kept.
            wanted = jnp.diff(jnp.round(jnp.cumsum(planned - samples)), prepend=0)
            number = jnp.clip(wanted.astype(jnp.int32), 0, problem.lots.most)
            more, right = problem.lots.bought(number)
            moments, correlations = moments + more, correlations + right
            samples = samples + number.astype(samples.dtype)
            if self.relevance == "oracle":
                basis = spectral_basis(correlations, samples, self.rank)
        zero = jnp.zeros((tasks, self.rank), basis.dtype)
        infinity = jnp.asarray(jnp.inf, basis.dtype)
        target = self._target(problem, basis)
        return ActiveState(moments, correlations, samples, planned, relevance, basis, zero, target, infinity)

    def _planned(self, problem: MultitaskProblem, relevance: Float[Array, " tasks"]) -> Float[Array, " tasks"]:
        size = jnp.where(problem.present, jnp.abs(relevance), 0)
        chosen = largest_mask(size, jnp.minimum(self.sources, problem.tasks)) & problem.present
        # Zero to the power of zero is one: passive sampling looks at no relevance.
        weights = jnp.where(chosen, size**self.power, 0)
        return task_allocation(weights, self.budget.astype(problem.samples.dtype), problem.samples)

    @staticmethod
    def _target_head(problem: MultitaskProblem, basis: Float[Array, "dimension rank"]) -> Float[Array, " rank"]:
        return fitted_heads(basis, problem.target_moment[None], problem.target_observations[None])[0]

    def _target(self, problem: MultitaskProblem, basis: Float[Array, "dimension rank"]) -> Float[Array, " dimension"]:
        return basis @ self._target_head(problem, basis)

    def step(self, problem: MultitaskProblem, state: ActiveState) -> ActiveState:
        """One step of the fit."""
        basis, heads = descend(state.basis, state.moments, state.correlations, state.samples)
        target = self._target(problem, basis)
        change = relative_norm(target - state.target, target)
        kept = (state.moments, state.correlations, state.samples, state.planned, state.relevance)
        return ActiveState(*kept, basis, heads, target, change)

    def status(self, problem: MultitaskProblem, state: ActiveState) -> Result:
        """Converged once the target's coefficients move by at most the tolerance."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: MultitaskProblem, state: ActiveState) -> TargetFit:
        """The basis, and the target's coefficients in it."""
        return TargetFit(state.basis, state.target)

    def stats(self, problem: MultitaskProblem, state: ActiveState) -> dict[str, Array]:
        """How many samples were bought in all, those of exploration included, and of how many sources more than these."""
        more = jnp.sum(state.samples > problem.samples, dtype=jnp.int32)
        return {"bought": jnp.sum(state.samples), "chosen": more}


class RidgeState(eqx.Module):
    """Coefficients."""

    coefficients: Float[Array, " dimension"]
    done: Array


class TargetRidge(AbstractSolver[MultitaskProblem, RidgeState]):
    r"""Ridge regression of the target alone, $(H_t + \lambda I)^{-1} g_t$: what there is without sources.

    The best `strength` $\lambda$ is about $\sigma^2 d / \|\theta_t\|^2$.
    """

    strength: Real = leaf(1.0, "positive")

    def init(self, problem: MultitaskProblem, key: Key[Array, ""]) -> RidgeState:
        """No coefficient."""
        return RidgeState(jnp.zeros_like(problem.target_observations), jnp.zeros((), bool))

    def step(self, problem: MultitaskProblem, state: RidgeState) -> RidgeState:
        """Solves the normal equations."""
        identity = jnp.eye(problem.dimension, dtype=problem.target_moment.dtype)
        factor = cholesky(problem.target_moment + self.strength * identity)
        return RidgeState(cholesky_solve(factor, problem.target_observations), jnp.ones((), bool))

    def status(self, problem: MultitaskProblem, state: RidgeState) -> Result:
        """After one step; diverged where data are no numbers, those of sources too, which it does not read."""
        result = Result.where(state.done, Result.converged, Result.running)
        finite = jnp.all(jnp.isfinite(state.coefficients)) & jnp.all(jnp.isfinite(problem.observations))
        return Result.where(finite, result, Result.diverged)

    def optimality(self, problem: MultitaskProblem, state: RidgeState) -> Optimality:
        """The step itself."""
        return explicit(lambda: self.estimate(problem, self.step(problem, state)))

    def estimate(self, problem: MultitaskProblem, state: RidgeState) -> TargetFit:
        """The coefficients, and their direction as a representation."""
        return TargetFit(unit(state.coefficients)[:, None], state.coefficients)
