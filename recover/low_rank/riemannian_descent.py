"""Riemannian gradient descent over matrices of a fixed rank, for completion."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.fields import Real, Size, leaf, size
from ..core.linalg import qr, svd
from ..core.numbers import norm, ratio, squared_norm
from ..core.sizes import row_mask
from ..core.stopping import Progress
from ..core.units import Scaling
from .completion import AbstractCompletionSolver, moved, spectral_triple
from .completion_problem import AbstractCompletionProblem
from .factors import Factors

__all__ = ["RiemannianGradientDescent"]


class RiemannianState(eqx.Module):
    """The singular vectors (columns) and values, and the progress."""

    left: Float[Array, "rows width"]
    values: Float[Array, " width"]
    right: Float[Array, "columns width"]
    progress: Progress


class RiemannianGradientDescent(AbstractCompletionSolver[AbstractCompletionProblem, RiemannianState]):
    r"""Steepest descent along the tangent space of matrices of rank $r$ at $X = U S V^\top$, with exact steps along it.

    $$X \leftarrow H_r(X + \mu\, \mathcal{P}_T G), \qquad G = Y - P_\Omega(X), \quad
      \mathcal{P}_T G = U U^\top G + G V V^\top - U U^\top G V V^\top, \quad
      \mu = \frac{\|\mathcal{P}_T G\|_F^2}{\|P_\Omega(\mathcal{P}_T G)\|_F^2}.$$

    $H_r$, the best approximation of rank $r$, comes from two thin orthogonal-triangular decompositions and the singular values of a
    $2r \times 2r$ matrix. From the truncated spectrum of $Y / p$; `rank` is the search rank.

    Source: Vandereycken (vandereycken2013), without conjugate directions.

    **Raises:** `ValueError` for a rank that is none.
    """

    scaling: ClassVar = Scaling()

    rank: Size = size(1)
    tolerance: Real = leaf(1e-6)
    patience: Int[Array, ""] = leaf(0, "count")

    def init(self, problem: AbstractCompletionProblem, key: Key[Array, ""]) -> RiemannianState:
        """The spectral start."""
        left, values, right = spectral_triple(self, problem, key)
        return RiemannianState(left, values, right, Progress.start(problem.observations.dtype))

    def step(self, problem: AbstractCompletionProblem, state: RiemannianState) -> RiemannianState:
        """One step and retraction."""
        left, right, width = state.left, state.right, state.left.shape[1]
        left_over = problem.observations - problem.entries(Factors(left * state.values[None, :], right))
        onto_right = problem.times(left_over, right)
        onto_left = problem.transposed().times(problem.turned(left_over), left)
        middle = left.T @ onto_right
        out_left, out_right = onto_right - left @ middle, onto_left - right @ middle.T
        tangent = Factors(jnp.concatenate([left @ middle + out_left, left], 1), jnp.concatenate([right, out_right], 1))
        squared = squared_norm(middle) + squared_norm(out_left) + squared_norm(out_right)
        length = ratio(squared, squared_norm(problem.entries(tangent)))
        base_left, triangle_left = qr(out_left)
        base_right, triangle_right = qr(out_right)
        top = jnp.concatenate([jnp.diag(state.values) + length * middle, length * triangle_right.T], 1)
        low = jnp.concatenate([length * triangle_left, jnp.zeros((width, width), left.dtype)], 1)
        turn_left, values, turn_right = svd(jnp.concatenate([top, low]))
        kept = row_mask(self.rank, width)
        progress = moved(problem, state.progress, left_over, ratio(length * jnp.sqrt(squared), norm(state.values)))
        return RiemannianState(
            jnp.where(kept[None, :], jnp.concatenate([left, base_left], 1) @ turn_left[:, :width], 0),
            jnp.where(kept, values[:width], 0),
            jnp.where(kept[None, :], jnp.concatenate([right, base_right], 1) @ turn_right.T[:, :width], 0),
            progress,
        )

    def estimate(self, problem: AbstractCompletionProblem, state: RiemannianState):
        """The matrix, or its factors where the problem is large."""
        return problem.answer(Factors(state.left * state.values[None, :], state.right))
