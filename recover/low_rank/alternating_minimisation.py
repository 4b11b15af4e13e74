"""Alternating minimisation of matrix completion."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.fields import Real, Size, leaf, size
from ..core.linalg import qr, solve
from ..core.numbers import norm, ratio, squared_norm
from ..core.sizes import row_mask
from ..core.stopping import Progress
from ..core.units import Scaling
from .completion import AbstractCompletionSolver, moved, spectral_triple
from .completion_problem import AbstractCompletionProblem
from .factors import Factors

__all__ = ["AlternatingMinimisation"]


class AlternatingMinimisationState(eqx.Module):
    """Orthonormal bases of columns and rows, what is between them, and the progress."""

    left: Float[Array, "rows width"]
    middle: Float[Array, "width width"]
    right: Float[Array, "columns width"]
    progress: Progress


class AlternatingMinimisation(AbstractCompletionSolver[AbstractCompletionProblem, AlternatingMinimisationState]):
    r"""Least squares over one factor at a time: $R \leftarrow \arg\min_R \|P_\Omega(L R^\top) - Y\|_F$, then $L$.

    Each is a system of $r$ equations for every column (row), with a factor that is orthonormalised before. A ridge of
    $p\, \epsilon^{2/3}$, with $\epsilon$ the precision, keeps those with fewer than $r$ known entries solvable. From the truncated
    spectrum of $Y / p$; `rank` is the search rank.

    Source: Jain, Netrapalli and Sanghavi (jain2013), without their fresh samples in every step.

    **Raises:** `ValueError` for a rank that is none.
    """

    scaling: ClassVar = Scaling()

    rank: Size = size(1)
    tolerance: Real = leaf(1e-6)
    patience: Int[Array, ""] = leaf(0, "count")

    def init(self, problem: AbstractCompletionProblem, key: Key[Array, ""]) -> AlternatingMinimisationState:
        """The spectral start."""
        left, values, right = spectral_triple(self, problem, key)
        progress = Progress.start(problem.observations.dtype)
        return AlternatingMinimisationState(left, jnp.diag(values), right, progress)

    def step(
        self, problem: AbstractCompletionProblem, state: AlternatingMinimisationState
    ) -> AlternatingMinimisationState:
        """Both factors in turn."""
        right, _ = self._basis(_fitted(problem.transposed(), state.left))
        left, middle = self._basis(_fitted(problem, right))
        # The difference of the products within the new column space, and what of the old one is outside of it.
        overlap = left.T @ state.left
        inside = right @ middle.T - state.right @ (overlap @ state.middle).T
        outside = (state.left - left @ overlap) @ state.middle
        change = ratio(jnp.sqrt(squared_norm(inside) + squared_norm(outside)), norm(middle))
        left_over = problem.observations - problem.entries(Factors(left @ middle, right))
        return AlternatingMinimisationState(left, middle, right, moved(problem, state.progress, left_over, change))

    def _basis(self, factor):
        """An orthonormal basis of the columns within the rank, and the triangle that makes them of it."""
        kept = row_mask(self.rank, factor.shape[1])
        basis, triangle = qr(factor)
        return jnp.where(kept[None, :], basis, 0), jnp.where(kept[:, None], triangle, 0)

    def estimate(self, problem: AbstractCompletionProblem, state: AlternatingMinimisationState):
        """The product of the factors, or the factors where the problem is large."""
        return problem.answer(Factors(state.left @ state.middle, state.right))


def _fitted(problem: AbstractCompletionProblem, basis: Float[Array, "columns width"]) -> Float[Array, "rows width"]:
    """The least squares left factor for an orthonormal right one; columns in which that is zero stay zero."""
    grams, right = problem.grams(basis), problem.times(problem.observations, basis)
    idle = jnp.sum(basis**2, axis=0) == 0
    ridge = problem.share * jnp.finfo(basis.dtype).eps ** (2 / 3)
    diagonal = jnp.diag(jnp.where(idle, 1, ridge))
    return jax.vmap(lambda gram, values: solve(gram + diagonal, values[:, None])[:, 0])(grams, right)
