"""What solvers of phaseless problems share."""

from typing import Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
import jax.scipy.sparse.linalg
from jaxtyping import Array, Float, Inexact, Int

from ..core.linalg import positive_definite_inverse
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress
from .problem import PhaselessProblem

__all__ = ["AbstractPhaselessSolver"]

StateT = TypeVar("StateT")

# Gram matrices up to this size are inverted once; beyond, systems are solved by so many steps of conjugate gradients.
_DENSE, _INNER = 1024, 10


class AbstractPhaselessSolver(AbstractSolver[PhaselessProblem, StateT], Generic[StateT]):
    r"""A solver of `PhaselessProblem` whose state has an `x` and a `progress`.

    Converged when the relative mismatch $\||A x| - b\| / \|b\|$, or 30 times the relative change of $x$ in a step, is at most
    `tolerance`; stalled when the former has not fallen by one per cent in `patience` steps. The problem is not convex: a solve
    that has converged may have found another point than the signal, and `mismatch` says whether the data are explained.
    """

    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    def status(self, problem: PhaselessProblem, state: StateT) -> Result:
        """By the mismatch and the change of the last step."""
        return _progress(state).status(self.tolerance, self.patience)

    def estimate(self, problem: PhaselessProblem, state: StateT) -> Inexact[Array, " dimension"]:
        """The current signal."""
        return state.x

    def stats(self, problem: PhaselessProblem, state: StateT) -> dict[str, Array]:
        r"""The last relative `mismatch` $\||A x| - b\| / \|b\|$."""
        return {"mismatch": _progress(state).residual}


def _progress(state) -> Progress:
    return state.progress


def gram_inverse(problem: PhaselessProblem) -> Inexact[Array, "n n"] | None:
    r"""$(A^* A)^{-1}$, or `None` for more unknowns than a matrix of that size is made for."""
    if problem.dimension > _DENSE:
        return None
    matrix = problem.operator.as_matrix().astype(problem.signal_dtype)
    gram = matrix.conj().T @ matrix
    # As much as rounding moves its eigenvalues: with as many rows as unknowns it is nearly singular.
    ridge = 4 * jnp.finfo(problem.observations.dtype).eps * problem.count
    return positive_definite_inverse(gram + ridge.astype(gram.dtype) * jnp.eye(problem.dimension, dtype=gram.dtype))


def least_squares(
    problem: PhaselessProblem,
    inverse: Inexact[Array, "n n"] | None,
    z: Inexact[Array, " rows"],
    near: Inexact[Array, " dimension"],
) -> Inexact[Array, " dimension"]:
    r"""$A^+ z$, exactly with the inverse, else by a few steps of conjugate gradients from a point near it."""
    right = problem.back_projection(z)
    if inverse is not None:
        return inverse @ right

    def product(x):
        return problem.back_projection(problem.products(x))

    return jax.scipy.sparse.linalg.cg(product, right, x0=near, maxiter=_INNER)[0]
