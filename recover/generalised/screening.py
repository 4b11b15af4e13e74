"""Screening: columns ranked by how much each of them alone says about the observations."""

import functools as ft

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core.checks import require_name
from ..core.fields import count, integer
from ..core.results import Result
from ..core.solver import AbstractSolver
from .generalised_problem import GeneralisedLinearProblem
from .mutual_information import absolute_correlation, histogram_mutual_information, kernel_mutual_information

__all__ = ["MarginalScreening"]

STATISTICS = ("kernel", "histogram", "correlation")


class ScreeningState(eqx.Module):
    """The scores of the columns, and whether they were computed."""

    scores: Float[Array, " dimension"]
    done: Bool[Array, ""]


class MarginalScreening(AbstractSolver[GeneralisedLinearProblem, ScreeningState]):
    r"""Scores every column of the matrix by a statistic of it and the observations; the answer is the vector of scores.

    There is one step. By `statistic`, whose number is traced, so that a sweep over them is one program:

    - `"kernel"`: mutual information of kernel densities, for observations that are continuous (`kernel_mutual_information`);
    - `"histogram"`: mutual information of histograms, also for binary ones (`histogram_mutual_information`);
    - `"correlation"`: the absolute value of Pearson's correlation.

    `grid` is the number of points of the kernels' grid along an axis, `bins` the largest number of bins; both are static.

    Source: Yang (yang2025).

    **Raises:** `ValueError` for an unknown statistic or a number below two.
    """

    statistic: Int[Array, ""] = integer(0, most=len(STATISTICS) - 1)
    grid: int = count(2, default=64)
    bins: int = count(2, default=100)

    def __init__(self, statistic="kernel", grid=64, bins=100):
        """As the class says; the statistic by name."""
        require_name("MarginalScreening", "statistic", statistic, STATISTICS)
        self.statistic, self.grid, self.bins = STATISTICS.index(statistic), grid, bins

    def init(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> ScreeningState:
        """Nothing is known."""
        return ScreeningState(jnp.zeros(problem.dimension, problem.observations.dtype), jnp.zeros((), bool))

    def step(self, problem: GeneralisedLinearProblem, state: ScreeningState) -> ScreeningState:
        """All scores."""
        statistics = (
            ft.partial(kernel_mutual_information, grid=self.grid),
            ft.partial(histogram_mutual_information, most=self.bins),
            absolute_correlation,
        )
        across = [jax.vmap(each, (1, None, None)) for each in statistics]
        data = problem.operator.as_matrix(), problem.observations, problem.mask
        found = jax.lax.switch(self.statistic, across, *data)
        # Comparisons would hide observations that are not numbers.
        return ScreeningState(found + 0 * jnp.sum(problem.observations), jnp.ones((), bool))

    def status(self, problem: GeneralisedLinearProblem, state: ScreeningState) -> Result:
        """Converged after the step."""
        result = Result.where(state.done, Result.converged, Result.running)
        return Result.where(jnp.all(jnp.isfinite(state.scores)), result, Result.diverged)

    def estimate(self, problem: GeneralisedLinearProblem, state: ScreeningState) -> Float[Array, " dimension"]:
        """The scores."""
        return state.scores
