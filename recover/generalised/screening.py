"""Screening: columns ranked by how much each of them alone says about the observations."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ..core.fields import choice, count
from ..core.results import Result
from ..core.solver import AbstractSolver
from .mutual_information import scores
from .problem import GeneralisedLinearProblem

__all__ = ["MarginalScreening"]


class ScreeningState(eqx.Module):
    """The scores of the columns, and whether they were computed."""

    scores: Float[Array, " dimension"]
    done: Bool[Array, ""]


class MarginalScreening(AbstractSolver[GeneralisedLinearProblem, ScreeningState]):
    r"""Scores every column of the matrix by a statistic of it and the observations; the answer is the vector of scores.

    There is one step. By `statistic` (static):

    - `"kernel"`: mutual information of kernel densities, for observations that are continuous (`kernel_mutual_information`);
    - `"histogram"`: mutual information of histograms, also for binary ones (`histogram_mutual_information`);
    - `"correlation"`: the absolute value of Pearson's correlation.

    `size` is the number of points of the grid along an axis (64 by default), or the largest number of bins (100).

    Source: Yang (yang2025).

    **Raises:** `ValueError` for an unknown statistic or a size below two.
    """

    statistic: str = choice("kernel", "histogram", "correlation")
    size: int | None = count(2, default=None)

    def init(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> ScreeningState:
        """Nothing is known."""
        return ScreeningState(jnp.zeros(problem.dimension, problem.observations.dtype), jnp.zeros((), bool))

    def step(self, problem: GeneralisedLinearProblem, state: ScreeningState) -> ScreeningState:
        """All scores."""
        size = {"kernel": 64, "histogram": 100}.get(self.statistic, 2) if self.size is None else self.size
        found = scores(self.statistic, problem.operator.as_matrix(), problem.observations, problem.mask, size)
        # Comparisons would hide observations that are not numbers.
        return ScreeningState(found + 0 * jnp.sum(problem.observations), jnp.ones((), bool))

    def status(self, problem: GeneralisedLinearProblem, state: ScreeningState) -> Result:
        """Converged after the step."""
        result = Result.where(state.done, Result.converged, Result.running)
        return Result.where(jnp.all(jnp.isfinite(state.scores)), result, Result.diverged)

    def estimate(self, problem: GeneralisedLinearProblem, state: ScreeningState) -> Float[Array, " dimension"]:
        """The scores."""
        return state.scores
