"""What methods of matrix completion share."""

from typing import Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.linalg import solve
from ..core.results import Result
from ..core.sizes import capacity, row_mask
from ..core.solver import AbstractSolver
from ..core.stopping import Progress, relative_norm
from .completion_problem import AbstractCompletionProblem
from .factors import Factors

__all__ = ["AbstractCompletionSolver"]

ProblemT = TypeVar("ProblemT", bound=AbstractCompletionProblem)
StateT = TypeVar("StateT")


class AbstractCompletionSolver(AbstractSolver[ProblemT, StateT], Generic[ProblemT, StateT]):
    r"""A method whose state has a `progress`.

    Converged when the relative residual $\|P_\Omega(X) - Y\|_F / \|Y\|_F$, or 30 times the relative change of the estimate in a step,
    is at most `tolerance`; stalled when the former has not fallen by one per cent in `patience` steps. Below the sampling limit a
    method that has converged may have found another matrix that fits.
    """

    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    def status(self, problem: ProblemT, state: StateT) -> Result:
        """By the residual and the change of the last step."""
        return _progress(state).status(self.tolerance, self.patience)

    def stats(self, problem: ProblemT, state: StateT) -> dict[str, Array]:
        r"""The last relative `residual`."""
        return {"residual": _progress(state).residual}


def _progress(state) -> Progress:
    return state.progress


def moved(
    problem: AbstractCompletionProblem, progress: Progress, left_over: Float[Array, "..."], change: Float[Array, ""]
) -> Progress:
    """The progress after a step, by the values that it left unexplained and by its relative length."""
    return progress.slow_update(relative_norm(left_over, problem.observations), change)


def search_width(solver: AbstractSolver, problem: AbstractCompletionProblem) -> int:
    """The width of factors (static), the capacity of the solver's `rank`.

    **Raises:** `ValueError` for a rank beyond the smaller side of the matrix.
    """
    width, smallest = capacity(solver, "rank"), min(problem.shape)
    if width > smallest:
        raise ValueError(
            f"{type(solver).__name__}: `rank` is {width}; an integer from 1 to {smallest} is allowed for a matrix of shape "
            f"{problem.shape}."
        )
    return width


def spectral_triple(solver, problem: AbstractCompletionProblem, key: Key[Array, ""]):
    r"""The best approximation of $Y / p$ of the solver's rank: left vectors, values, right vectors; zero columns beyond the rank."""
    left, values, right = problem.leading(key, search_width(solver, problem))
    kept = row_mask(solver.rank, values.shape[0])
    return jnp.where(kept[None, :], left, 0), jnp.where(kept, values, 0), jnp.where(kept[None, :], right, 0)


def spectral_factors(solver, problem: AbstractCompletionProblem, key: Key[Array, ""]) -> Factors:
    r"""$U S^{1/2}$ and $V S^{1/2}$ of that approximation."""
    left, values, right = spectral_triple(solver, problem, key)
    roots = jnp.sqrt(values)[None, :]
    return Factors(left * roots, right * roots)


def gram_quotient(
    matrix: Float[Array, "side width"], factor: Float[Array, "other width"]
) -> Float[Array, "side width"]:
    r"""$M (F^\top F)^{-1}$; columns in which the factor is zero stay zero."""
    gram = factor.T @ factor
    idle = jnp.diagonal(gram) == 0
    # No more than rounding moves the largest eigenvalue, lest a column that vanishes slowly makes the matrix singular.
    ridge = jnp.finfo(gram.dtype).eps * jnp.trace(gram)
    return solve(gram + jnp.diag(jnp.where(idle, 1, ridge)), matrix.T).T
