"""Reading a code off correlations, in one step."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..core.adjoint import Optimality, explicit
from ..core.fields import Whole, leaf
from ..core.numbers import norm, ratio
from ..core.results import Result
from ..core.selection import largest_mask
from ..core.solver import AbstractSolver
from ..core.stopping import relative_norm
from ..core.units import Scaling
from .linear import zeros
from .problem import LinearProblem
from .sparsity import resolve_sparsity

__all__ = ["Thresholding"]


class ThresholdingState(eqx.Module):
    """Coefficients, and whether they have been read off."""

    x: Float[Array, " dimension"]
    done: Bool[Array, ""]


class Thresholding(AbstractSolver[LinearProblem, ThresholdingState]):
    r"""The columns most correlated with the data, with the coefficient each would have alone.

    $$x_j = \frac{a_j^\top y}{\|a_j\|^2} \ \text{ for the } K \text{ largest } \ \frac{a_j^\top y}{\|a_j\|},$$

    or the largest magnitudes, unless coefficients are `nonnegative`. What a single layer with thresholds does.
    `sparsity` is $K$, by default that of the problem, or else the rule of `resolve_sparsity`.
    """

    scaling: ClassVar = Scaling()

    sparsity: Whole | None = leaf(None, "count")
    nonnegative: bool = eqx.field(static=True, default=False)

    def init(self, problem: LinearProblem, key) -> ThresholdingState:
        """No coefficient."""
        return ThresholdingState(zeros(problem), jnp.zeros((), bool))

    def step(self, problem: LinearProblem, state: ThresholdingState) -> ThresholdingState:
        """Reads all coefficients off the correlations of the columns with the data."""
        lengths = norm(problem.operator.as_matrix(), 0)
        correlations = ratio(problem.adjoint(problem.observations), lengths)
        sizes = jnp.maximum(correlations, 0) if self.nonnegative else jnp.abs(correlations)
        kept = largest_mask(sizes, resolve_sparsity(self, problem).astype(jnp.int32))
        # What is not a number is kept, so that it is noticed.
        x = jnp.where(kept & ~(sizes <= 0), ratio(correlations, lengths), 0)
        return ThresholdingState(x, jnp.ones((), bool))

    def optimality(self, problem: LinearProblem, state: ThresholdingState) -> Optimality:
        """The step itself."""
        return explicit(lambda: self.step(problem, state).x)

    def status(self, problem: LinearProblem, state: ThresholdingState) -> Result:
        """Converged after one step."""
        result = Result.where(state.done, Result.converged, Result.running)
        return Result.where(jnp.all(jnp.isfinite(state.x)), result, Result.diverged)

    def estimate(self, problem: LinearProblem, state: ThresholdingState) -> Float[Array, " dimension"]:
        """The coefficients."""
        return state.x

    def stats(self, problem: LinearProblem, state: ThresholdingState) -> dict[str, Array]:
        """The relative residual."""
        return {"residual": relative_norm(problem.residual(state.x), problem.observations)}
