"""Basis pursuit by alternating directions."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.fields import Real, leaf
from ..core.linalg import qr, solve_triangular
from ..core.stopping import Progress, relative_norm
from ..scalar.proximal import soft_threshold
from .linear import AbstractLinearSolver, zeros
from .problem import LinearProblem

__all__ = ["BasisPursuit"]


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

    threshold: Real = leaf(0.1, "positive")
    tolerance: Real = leaf(1e-5)
    patience: Int[Array, ""] = leaf(0, "count")

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
