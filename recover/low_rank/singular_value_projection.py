"""Gradient steps and projections on matrices of a rank, for completion."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.checks import require_flag
from ..core.fields import Real, Size, integer, leaf, size
from ..core.linalg import svd
from ..core.numbers import ratio, squared_norm
from ..core.sizes import row_mask
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .completion import AbstractCompletionSolver, moved, search_width
from .completion_problem import MatrixCompletionProblem

__all__ = ["SingularValueProjection"]


class ProjectionState(eqx.Module):
    """The matrix, its left singular vectors with zero columns beyond the rank, and the progress."""

    x: Float[Array, "rows columns"]
    left: Float[Array, "rows width"]
    progress: Progress


class SingularValueProjection(AbstractCompletionSolver[MatrixCompletionProblem, ProjectionState]):
    r"""$X \leftarrow H_r(X + \mu\, (Y - P_\Omega(X)))$, with $H_r$ the best approximation of rank $r$, from zero (SVP, NIHT).

    The step is $\mu = 1 / p$, or where it is `normalised` that of the steepest descent along the column space $U$ of $X$,
    $\mu = \|U U^\top Z\|_F^2 / \|P_\Omega(U U^\top Z)\|_F^2$ with $Z = Y - P_\Omega(X)$. Which one is traced: both are one program.

    Sources: Jain, Meka and Dhillon (jain2010); Tanner and Wei (tanner2013) for the normalised step.

    **Raises:** `ValueError` for a rank that is none.
    """

    scaling: ClassVar = Scaling()

    rank: Size = size(1)
    normalised: Int[Array, ""] = integer(0, most=1)
    tolerance: Real = leaf(1e-6)
    patience: Int[Array, ""] = leaf(0, "count")

    def __init__(self, rank, normalised: bool = True, tolerance=1e-6, patience=0):
        """As the class says."""
        require_flag("SingularValueProjection", "normalised", normalised)
        self.rank, self.normalised, self.tolerance, self.patience = rank, int(normalised), tolerance, patience

    def init(self, problem: MatrixCompletionProblem, key: Key[Array, ""]) -> ProjectionState:
        """The zero matrix."""
        y = problem.observations
        left = jnp.zeros((y.shape[0], search_width(self, problem)), y.dtype)
        return ProjectionState(jnp.zeros_like(y), left, Progress.start(y.dtype))

    def step(self, problem: MatrixCompletionProblem, state: ProjectionState) -> ProjectionState:
        """One gradient step and projection."""
        left_over = problem.observations - problem.forward(state.x)
        along = state.left @ (state.left.T @ left_over)
        fixed = 1 / problem.share
        exact = ratio(squared_norm(along), squared_norm(problem.forward(along)), fixed)
        moved_to = state.x + jnp.where(self.normalised == 1, exact, fixed) * left_over
        left, values, right = svd(moved_to)
        width = state.left.shape[1]
        kept = row_mask(self.rank, width)
        left = jnp.where(kept[None, :], left[:, :width], 0)
        x = (left * values[None, :width]) @ right[:width]
        progress = moved(problem, state.progress, left_over, relative_norm(x - state.x, x))
        return ProjectionState(x, left, progress)

    def estimate(self, problem: MatrixCompletionProblem, state: ProjectionState) -> Float[Array, "rows columns"]:
        """The matrix."""
        return state.x
