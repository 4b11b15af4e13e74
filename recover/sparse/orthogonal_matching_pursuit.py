"""Orthogonal matching pursuit."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Inexact, Int

from ..core.adjoint import Optimality
from ..core.fields import Real, Size, leaf, size
from ..core.linalg import solve_triangular
from ..core.results import Result
from ..core.selection import first_largest
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import relative_norm
from ..core.units import Scaling, always
from .certificates import support_excess
from .gram_schmidt import orthogonalised
from .optimality import fitted
from .problem import LinearProblem
from .sparsity import resolve_sparsity

__all__ = ["OMP"]


class OMPState(eqx.Module):
    r"""The selected columns in the order of their selection, as a thin QR factorisation built one column at a time.

    With $t$ columns selected, $A_S = Q R$ with $Q^\top$ (not conjugated) in the first $t$ rows of `basis` and $R$ in the leading block of
    `triangle`; `coordinates` are $Q^* y$. Whatever lies beyond is zero, except for ones on the diagonal of the
    triangle.
    """

    basis: Inexact[Array, "capacity rows"]
    triangle: Inexact[Array, "capacity capacity"]
    coordinates: Inexact[Array, " capacity"]
    selected: Int[Array, " capacity"]
    support: Bool[Array, " dimension"]
    residual: Inexact[Array, " rows"]
    count: Int[Array, ""]
    sparsity: Int[Array, ""]


class OMP(AbstractSolver[LinearProblem, OMPState]):
    r"""Orthogonal matching pursuit, as analysed by Tropp (tropp2004) and with Gilbert (tropp2007).

    Each step selects the column most correlated with the residual and projects the data on all columns selected:

    $$j_t = \arg\max_{j \notin S^t} |a_j^\top (y - A x^t)|, \quad S^{t+1} = S^t \cup \{j_t\}, \quad
      x^{t+1} = \arg\min_{\mathrm{supp}\, x \subseteq S^{t+1}} \|y - A x\|.$$

    Columns are taken to be of comparable norm. Converges after `sparsity` selections (by default the sparsity of
    the problem, or else the tuning-free rule of `resolve_sparsity`), or earlier when the relative residual is at most
    `tolerance`. A `sparsity` known when the solver is built also bounds its memory. The selected columns are
    orthogonalised twice as they come in, and coefficients are found by one triangular solve at the end: a step costs one
    product with $A^\top$, one column and four products with the columns so far.
    """

    scaling: ClassVar = Scaling(columns=always)
    takes_complex: ClassVar[bool] = True

    sparsity: Size | None = size(0, default=None)
    tolerance: Real = leaf(1e-6)

    def init(self, problem: LinearProblem, key) -> OMPState:
        """No column selected: the residual is the data."""
        dtype = problem.observations.dtype
        most = min(problem.rows, problem.dimension)
        # One slot even where none is asked for keeps every array nonempty.
        capacity = max(min(dict(self.capacities).get("sparsity", most), most), 1)
        sparsity = jnp.minimum(resolve_sparsity(self, problem), capacity)
        return OMPState(
            basis=jnp.zeros((capacity, problem.rows), dtype),
            triangle=jnp.eye(capacity, dtype=dtype),
            coordinates=jnp.zeros(capacity, dtype),
            selected=jnp.zeros(capacity, jnp.int32),
            support=jnp.zeros(problem.dimension, bool),
            residual=problem.observations,
            count=jnp.zeros((), jnp.int32),
            sparsity=jnp.minimum(sparsity, problem.samples.astype(jnp.int32)),
        )

    def step(self, problem: LinearProblem, state: OMPState) -> OMPState:
        """Selects one column."""
        correlation = jnp.where(state.support, -1, jnp.abs(problem.adjoint(state.residual)))
        chosen = first_largest(correlation)
        column = problem.column(chosen)
        # A column in the span of the others (to rounding) adds no direction, and its coefficient stays zero.
        direction, length, coordinates, independent = orthogonalised(state.basis, column)
        coordinate = jnp.conj(direction) @ state.residual
        slot = jnp.arange(state.coordinates.shape[0], dtype=jnp.int32) == state.count
        entries = jnp.where(slot, jnp.where(independent, length.astype(coordinates.dtype), 1), coordinates)
        return OMPState(
            # All products with the basis come before, so that it is written where it lies.
            basis=jnp.where(slot[:, None], direction[None, :], state.basis),
            triangle=jnp.where(slot & independent, entries[:, None], state.triangle),
            coordinates=jnp.where(slot, coordinate, state.coordinates),
            selected=jnp.where(slot, chosen, state.selected),
            support=state.support | (jnp.arange(problem.dimension, dtype=jnp.int32) == chosen),
            residual=state.residual - direction * coordinate,
            count=state.count + 1,
            sparsity=state.sparsity,
        )

    def status(self, problem: LinearProblem, state: OMPState) -> Result:
        """Converged when enough columns are selected, or fewer explain the data."""
        residual = relative_norm(state.residual, problem.observations)
        enough = (state.count >= state.sparsity) | (residual <= self.tolerance)
        result = Result.where(enough, Result.converged, Result.running)
        return Result.where(jnp.isfinite(residual), result, Result.diverged)

    def certificate(self, problem: LinearProblem, state: OMPState) -> Certificate:
        """The residual within the noise, or else a support that thresholding keeps (`support_excess`)."""
        excess = support_excess(problem, self.estimate(problem, state), state.residual, self.tolerance)
        return Certificate(excess, jnp.ones((), bool))

    def optimality(self, problem: LinearProblem, state: OMPState) -> Optimality:
        """Least squares on the selected columns."""
        return fitted(problem, self.estimate(problem, state))

    def estimate(self, problem: LinearProblem, state: OMPState) -> Inexact[Array, " dimension"]:
        """Least squares on the selected columns."""
        values = solve_triangular(state.triangle, state.coordinates)
        used = jnp.arange(values.shape[0], dtype=jnp.int32) < state.count
        return jnp.zeros(problem.dimension, values.dtype).at[state.selected].add(jnp.where(used, values, 0))

    def stats(self, problem: LinearProblem, state: OMPState) -> dict[str, Array]:
        """The last relative residual."""
        return {"residual": relative_norm(state.residual, problem.observations)}
