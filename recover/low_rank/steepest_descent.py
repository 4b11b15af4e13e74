"""Alternating steepest descent of matrix completion, plain and scaled."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.checks import require_flag
from ..core.fields import Real, Size, integer, leaf, size
from ..core.numbers import ratio, squared_norm
from ..core.stopping import Progress
from ..core.units import Scaling
from .completion import AbstractCompletionSolver, gram_quotient, moved, spectral_factors
from .completion_problem import AbstractCompletionProblem
from .factors import Factors

__all__ = ["AlternatingSteepestDescent"]


class SteepestDescentState(eqx.Module):
    """The factors, what they leave unexplained, and the progress."""

    factors: Factors
    left_over: Float[Array, "..."]
    progress: Progress


class AlternatingSteepestDescent(AbstractCompletionSolver[AbstractCompletionProblem, SteepestDescentState]):
    r"""Exact line searches on $\frac12 \|P_\Omega(L R^\top) - Y\|_F^2$, over one factor and then over the other (ASD, ScaledASD).

    $$L \leftarrow L + \mu D, \qquad D = G\ \text{ or }\ G (R^\top R)^{-1}, \quad G = (Y - P_\Omega(L R^\top)) R, \quad
      \mu = \frac{\langle D, G \rangle}{\|P_\Omega(D R^\top)\|_F^2},$$

    the same for $R$ with the new $L$, from the truncated spectrum of $Y / p$. Whether directions are `scaled` is traced: both are
    one program. `rank` is the search rank; no step has a parameter.

    Source: Tanner and Wei (tanner2016).

    **Raises:** `ValueError` for a rank that is none.
    """

    scaling: ClassVar = Scaling()

    rank: Size = size(1)
    scaled: Int[Array, ""] = integer(0, most=1)
    tolerance: Real = leaf(1e-6)
    patience: Int[Array, ""] = leaf(0, "count")

    def __init__(self, rank, scaled: bool = True, tolerance=1e-6, patience=0):
        """As the class says."""
        require_flag("AlternatingSteepestDescent", "scaled", scaled)
        self.rank, self.scaled, self.tolerance, self.patience = rank, int(scaled), tolerance, patience

    def init(self, problem: AbstractCompletionProblem, key: Key[Array, ""]) -> SteepestDescentState:
        """The spectral start."""
        factors = spectral_factors(self, problem, key)
        left_over = problem.observations - problem.entries(factors)
        return SteepestDescentState(factors, left_over, Progress.start(problem.observations.dtype))

    def step(self, problem: AbstractCompletionProblem, state: SteepestDescentState) -> SteepestDescentState:
        """One line search over each factor."""
        left, right = state.factors.left, state.factors.right
        assert right is not None
        left_move, values = _searched(problem, state.left_over, right, self.scaled == 1)
        left, left_over = left + left_move, state.left_over - values
        turned = problem.transposed()
        right_move, values = _searched(turned, problem.turned(left_over), left, self.scaled == 1)
        right, left_over = right + right_move, left_over - turned.turned(values)
        change = ratio(squared_norm(left_move), squared_norm(left)) + ratio(
            squared_norm(right_move), squared_norm(right)
        )
        progress = moved(problem, state.progress, left_over, jnp.sqrt(change))
        return SteepestDescentState(Factors(left, right), left_over, progress)

    def estimate(self, problem: AbstractCompletionProblem, state: SteepestDescentState):
        """The product of the factors, or the factors where the problem is large."""
        return problem.answer(state.factors)


def _searched(problem, left_over, right, scaled):
    """The move of the left factor, and the values of what it adds."""
    gradient = problem.times(left_over, right)
    direction = jnp.where(scaled, gram_quotient(gradient, right), gradient)
    values = problem.entries(Factors(direction, right))
    length = ratio(jnp.sum(direction * gradient), squared_norm(values))
    return length * direction, length * values
