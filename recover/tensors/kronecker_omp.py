"""Orthogonal matching pursuit on supports that are Kronecker products."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from ..core.fields import Real, Whole, leaf
from ..core.linalg import eigh
from ..core.numbers import norm, ratio
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.units import Scaling
from ..operators.mode_products import mode_products, outer
from .certificates import product_support_certificate
from .problem import KroneckerProblem

__all__ = ["KroneckerOMP"]


class KroneckerOMPState(eqx.Module):
    """Selected indices of every mode, coefficients, residual, and whether the last step added anything."""

    selected: tuple[Bool[Array, "_"], ...]
    coefficients: Inexact[Array, "..."]
    residual: Inexact[Array, "..."]
    grown: Bool[Array, ""]


class KroneckerOMP(AbstractSolver[KroneckerProblem, KroneckerOMPState]):
    r"""N-way orthogonal matching pursuit.

    Each step finds the entry of the tensor most correlated with the residual, adds each of its coordinates to the index
    set $S_i$ of its mode, and fits the data on the Kronecker product of the sets:

    $$(n_1, \dots, n_p) = \arg\max |H^* r|, \qquad S_i \leftarrow S_i \cup \{n_i\}, \qquad
      X = (A_{1, S_1}^+, \dots, A_{p, S_p}^+) \cdot Y .$$

    A mode that holds `most` indices takes no further one; with zero, the default, the problem's own `mode_sparsity` is the
    bound, and there is none where that is unknown. Converges when a step adds nothing or the relative residual is at most
    `tolerance`. With `normalise` correlations are divided by the norms of the columns, which pursuit needs unless they are
    equal.

    Source: C. F. Caiafa and A. Cichocki, "Computing Sparse Representations of Multidimensional Signals Using Kronecker
    Bases", Neural Computation 25 (2013) (caiafa2013).
    """

    scaling: ClassVar = Scaling()

    most: Whole = leaf(0, "count")
    tolerance: Real = leaf(1e-2, "nonnegative")
    normalise: Bool[Array, ""] = leaf(True, "switch")

    def init(self, problem: KroneckerProblem, key) -> KroneckerOMPState:
        """Nothing selected: the residual is the data."""
        return KroneckerOMPState(
            selected=tuple(jnp.zeros(size, bool) for size in problem.dimensions),
            coefficients=jnp.zeros(problem.dimensions, problem.observations.dtype),
            residual=problem.observations,
            grown=jnp.asarray(True),
        )

    def step(self, problem: KroneckerProblem, state: KroneckerOMPState) -> KroneckerOMPState:
        """Selects the entry most correlated with the residual, and fits all data on what is selected."""
        correlation = jnp.abs(problem.adjoint(state.residual))
        norms = outer(problem.column_norms)
        correlation = jnp.where(self.normalise, ratio(correlation, norms, correlation), correlation)
        # Only entries that add an index, and none to a full mode, are of use.
        useful, inside = [], []
        for mode, chosen in enumerate(state.selected):
            known = chosen.shape[0] if problem.mode_sparsity is None else problem.mode_sparsity[mode]
            open_to_more = jnp.sum(chosen).astype(jnp.int32) < jnp.where(self.most > 0, self.most, known)
            useful.append((chosen | open_to_more).astype(correlation.dtype))
            inside.append(chosen.astype(correlation.dtype))
        allowed = (outer(useful) > 0) & ~(outer(inside) > 0)
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
        done = ~state.grown | (residual <= self.tolerance)
        result = Result.where(done, Result.converged, Result.running)
        return Result.where(jnp.isfinite(residual), result, Result.diverged)

    def certificate(self, problem: KroneckerProblem, state: KroneckerOMPState) -> Certificate:
        """The residual within noise or tolerance, or a support that is a fixed point (`product_support_certificate`)."""
        found = product_support_certificate(problem, state.residual, state.coefficients, state.selected, self.tolerance)
        # Where nothing could be added nothing more will be.
        return Certificate(found.value, ~state.grown)

    def estimate(self, problem: KroneckerProblem, state: KroneckerOMPState) -> Inexact[Array, "..."]:
        """Least squares on the product of the selected sets."""
        return state.coefficients

    def stats(self, problem: KroneckerProblem, state: KroneckerOMPState) -> dict[str, Array]:
        """The last relative residual."""
        return {"residual": self._residual(problem, state)}

    @staticmethod
    def _residual(problem: KroneckerProblem, state: KroneckerOMPState) -> Float[Array, ""]:
        length = norm(state.residual)
        return ratio(length, norm(problem.observations), length)


def _pseudo_inverse(matrix: Inexact[Array, "rows columns"]) -> Inexact[Array, "columns rows"]:
    """The pseudo-inverse through the Gram matrix; columns of zeros get rows of zeros."""
    values, vectors = eigh(matrix.conj().T @ matrix)
    cutoff = 10 * matrix.shape[1] * jnp.finfo(values.dtype).eps * jnp.max(values)
    inverse = jnp.where(values > cutoff, 1 / jnp.where(values > cutoff, values, 1), 0)
    return (vectors * inverse[None, :].astype(vectors.dtype)) @ vectors.conj().T @ matrix.conj().T
