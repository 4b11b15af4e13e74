"""Basis pursuit by alternating directions."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, leaf
from ..core.linalg import qr, solve_triangular
from ..core.numbers import ratio
from ..core.solver import Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from ..scalar.proximal import soft_threshold
from .linear import AbstractLinearSolver, unsettled, zeros
from .optimality import fitted
from .problem import LinearProblem

__all__ = ["BasisPursuit"]

# What may be left to gain of the norm, and of the constraint to be met.
_SHARE = 1e-3


class BasisPursuitState(eqx.Module):
    """Sparse coefficients, scaled multipliers, the factorisation of the constraint, and progress."""

    x: Float[Array, " dimension"]
    multipliers: Float[Array, " dimension"]
    basis: Float[Array, "dimension constraints"]
    particular: Float[Array, " dimension"]
    threshold: Float[Array, ""]
    progress: Progress


class BasisPursuit(AbstractLinearSolver[BasisPursuitState]):
    r"""$\min \|x\|_1$ subject to $A x = y$, for matrices of full rank; with more rows than columns, to least squares.

    $$v^{t+1} = P_{\{A v = y\}}(x^t - u^t), \quad x^{t+1} = \mathrm{soft}_\theta(v^{t+1} + u^t), \quad
      u^{t+1} = u^t + v^{t+1} - x^{t+1}.$$

    The projection goes through the orthogonal-triangular decomposition of $A^\top$, found once. $\theta$ is `threshold` times
    the largest entry of the least-norm solution. Converged when $\|v - x\|/\|v\|$ and the relative change of $x$ are at most
    `tolerance`. Source: Boyd, Parikh, Chu, Peleato and Eckstein (boyd2011, section 6.2).
    """

    scaling: ClassVar = Scaling()

    threshold: Real = leaf(0.1, "positive")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(0, "count")

    def init(self, problem: LinearProblem, key) -> BasisPursuitState:
        """The factorisation; no coefficient."""
        matrix, data, rows = problem.operator.as_matrix(), problem.observations, problem.mask
        if problem.rows > problem.dimension:
            # As many equations as unknowns say the same, or the nearest thing to it where the data are inconsistent.
            left, matrix = qr(matrix)
            data, rows = left.T @ data, rows[: problem.dimension]
        basis, triangle = qr(matrix.T)
        # Rows of padding come last and constrain nothing.
        basis = jnp.where(rows[None, :], basis, 0)
        triangle = jnp.where(rows[:, None] & rows[None, :], triangle, jnp.eye(rows.shape[0], dtype=basis.dtype))
        particular = basis @ solve_triangular(triangle, data, transposed=True)
        threshold = self.threshold * jnp.max(jnp.abs(particular))
        start = zeros(problem)
        return BasisPursuitState(start, start, basis, particular, threshold, Progress.start(basis.dtype))

    def certificate(self, problem: LinearProblem, state: BasisPursuitState) -> Certificate:
        r"""The duality gap with $A^\top \nu$ read off the multipliers, over $10^{-3} \|x\|_1$, and the relative distance to the
        constraint over $10^{-3}$.
        """
        dual = state.basis @ (state.basis.T @ state.multipliers)
        length = jnp.sum(jnp.abs(state.x))
        bound = ratio(dual @ state.particular, jnp.maximum(jnp.max(jnp.abs(dual)), state.threshold))
        gap = ratio(length - bound, _SHARE * length, jnp.where(bound == 0, 0, jnp.inf))
        # Of more rows than columns, what the constraint asks for are the coefficients of least squares, whose residual may be long.
        off = state.basis @ (state.basis.T @ state.x) - state.particular
        return unsettled(jnp.maximum(gap, relative_norm(off, state.particular) / _SHARE))

    def optimality(self, problem: LinearProblem, state: BasisPursuitState) -> Optimality:
        """Coefficients of as many columns as there are equations; of fewer, as of exactly sparse data, there is no derivative."""
        used = jnp.sum(state.x != 0).astype(state.x.dtype)
        sense = jnp.where(used >= jnp.minimum(problem.count, problem.dimension), 1, jnp.nan)
        return fitted(problem, state.x, answer=lambda x: sense * x)

    def step(self, problem: LinearProblem, state: BasisPursuitState) -> BasisPursuitState:
        """Projection, soft threshold, multipliers."""
        target = state.x - state.multipliers
        feasible = target - state.basis @ (state.basis.T @ target) + state.particular
        moved = feasible + state.multipliers
        x = soft_threshold(moved, state.threshold)
        gap = relative_norm(feasible - x, feasible)
        measure = jnp.maximum(gap, relative_norm(x - state.x, feasible))
        progress = state.progress.update(measure, measure)
        return BasisPursuitState(x, moved - x, state.basis, state.particular, state.threshold, progress)
