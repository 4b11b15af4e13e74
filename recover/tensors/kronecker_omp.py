"""Orthogonal matching pursuit on supports that are Kronecker products."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..core.checks import require
from ..core.leaves import as_leaf, leaf
from ..core.linalg import eigh
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..operators.mode_products import mode_products, outer
from .problem import KroneckerProblem

__all__ = ["KroneckerOMP"]


class KroneckerOMPState(eqx.Module):
    """Selected indices of every mode, coefficients, residual, and whether the last step added anything."""

    selected: tuple[Bool[Array, "_"], ...]
    coefficients: Inexact[Array, "..."]
    residual: Inexact[Array, "..."]
    grown: Bool[Array, ""]


class KroneckerOMP(AbstractSolver[KroneckerProblem, KroneckerOMPState]):
    r"""N-way orthogonal matching pursuit (Caiafa and Cichocki 2013).

    Each step finds the entry of the tensor most correlated with the residual, adds each of its coordinates to the index
    set $S_i$ of its mode, and fits the data on the Kronecker product of the sets:

    $$(n_1, \dots, n_p) = \arg\max |H^* r|, \qquad S_i \leftarrow S_i \cup \{n_i\}, \qquad
      X = (A_{1, S_1}^+, \dots, A_{p, S_p}^+) \cdot Y .$$

    A mode that holds `most` indices takes no further one: `most` is a number, or the problem's own `mode_sparsity` if it is
    zero. Converges when a step adds nothing or the relative residual is at most `tolerance`. With `normalise` correlations are
    divided by the norms of the columns, which pursuit needs unless they are equal.
    """

    most: Int[Array, ""] = leaf(default=0)
    tolerance: Float[Array, ""] = leaf(default=1e-2)
    normalise: Bool[Array, ""] = eqx.field(converter=as_leaf, default=True)

    def __check_init__(self):
        require(self, most="count", tolerance="nonnegative")

    def init(self, problem: KroneckerProblem, key) -> KroneckerOMPState:
        """Nothing selected: the residual is the data."""
        if problem.mode_sparsity is None and self.most is None:
            raise ValueError("KroneckerOMP: `most` is None; an integer is needed for a problem of unknown sparsity.")
        return KroneckerOMPState(
            selected=tuple(jnp.zeros(size, bool) for size in problem.dimensions),
            coefficients=jnp.zeros(problem.dimensions, problem.observations.dtype),
            residual=problem.observations,
            grown=jnp.asarray(True),
        )

    def step(self, problem: KroneckerProblem, state: KroneckerOMPState) -> KroneckerOMPState:
        """Selects an entry and fits."""
        correlation = jnp.abs(problem.adjoint(state.residual))
        norms = outer(problem.column_norms)
        correlation = jnp.where(self.normalise, correlation / jnp.where(norms > 0, norms, 1), correlation)
        # Only entries that add an index, and none to a full mode, are of use.
        full, inside = [], []
        for mode, chosen in enumerate(state.selected):
            limit = jnp.asarray(self.most, jnp.int32)
            if problem.mode_sparsity is not None:
                limit = jnp.where(limit > 0, limit, problem.mode_sparsity[mode])
            count = jnp.sum(chosen).astype(jnp.int32)
            full.append(jnp.where(chosen | (count < limit), 1, 0).astype(correlation.dtype))
            inside.append(chosen.astype(correlation.dtype))
        allowed = (outer(full) > 0) & ~(outer(inside) > 0)
        best = jnp.argmax(jnp.where(allowed, correlation, -1))
        indices = jnp.unravel_index(best, correlation.shape)
        grown = jnp.any(allowed)
        selected = tuple(
            chosen | (grown & (jnp.arange(chosen.shape[0], dtype=jnp.int32) == index.astype(jnp.int32)))
            for chosen, index in zip(state.selected, indices, strict=True)
        )
        inverses = [
            _pseudo_inverse(jnp.where(chosen[None, :], factor, 0))
            for chosen, factor in zip(selected, problem.factors, strict=True)
        ]
        coefficients = mode_products(inverses, problem.observations)
        return KroneckerOMPState(selected, coefficients, problem.residual(coefficients), grown)

    def status(self, problem: KroneckerProblem, state: KroneckerOMPState) -> Result:
        """Converged when nothing was added or the data are explained."""
        residual = self._residual(problem, state)
        done = ~state.grown | (residual <= jnp.asarray(self.tolerance, residual.dtype))
        result = Result.where(done, Result.converged, Result.running)
        return Result.where(jnp.isfinite(residual), result, Result.diverged)

    def estimate(self, problem: KroneckerProblem, state: KroneckerOMPState) -> Inexact[Array, "..."]:
        """Least squares on the product of the selected sets."""
        return state.coefficients

    def stats(self, problem: KroneckerProblem, state: KroneckerOMPState) -> dict[str, Array]:
        """The last relative residual."""
        return {"residual": self._residual(problem, state)}

    @staticmethod
    def _residual(problem: KroneckerProblem, state: KroneckerOMPState) -> Float[Array, ""]:
        energy = jnp.sum(jnp.abs(state.residual) ** 2)
        return jnp.sqrt(energy / (problem.power * problem.samples.astype(energy.dtype)))


def _pseudo_inverse(matrix: Inexact[Array, "rows columns"]) -> Inexact[Array, "columns rows"]:
    """The pseudo-inverse through the Gram matrix; columns of zeros get rows of zeros."""
    values, vectors = eigh(matrix.conj().T @ matrix)
    cutoff = 10 * matrix.shape[1] * jnp.finfo(values.dtype).eps * jnp.max(values)
    inverse = jnp.where(values > cutoff, 1 / jnp.where(values > cutoff, values, 1), 0)
    return (vectors * inverse[None, :].astype(vectors.dtype)) @ vectors.conj().T @ matrix.conj().T
