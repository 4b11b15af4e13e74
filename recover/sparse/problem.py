"""Linear observations of a vector: what a solver may see."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Inexact, Int

from ..core.checks import require_integer
from ..core.data import number
from ..core.leaves import floating_dtype
from ..core.problem import AbstractRowProblem
from ..core.solver import AbstractSolver
from ..core.units import Units, largest, unit_of
from ..operators.columns import column, columns
from ..operators.given import given_data
from ..operators.norms import column_norms, mean_column_norm
from ..operators.transposed import transposed_product
from ..operators.weighted_columns import WeightedColumns

__all__ = ["LinearProblem"]

# Norms of columns that differ by more than this factor are brought to one norm, where a solver wants it. Independent
# entries alone make the norms of n columns of m entries differ by about exp(2.6 sqrt(log(n) / m)).
_APART, _CHANCE = 2.0, 2.6


class LinearProblem(AbstractRowProblem):
    r"""Observations of an unknown vector through a linear operator, $y = A x + w$.

    Build one from your own data with `LinearProblem(A, y)`, real or complex; models build theirs in `observe`. A problem never holds
    the truth. What an analyst may be assumed to know besides the data (sparsity, noise level) are optional fields
    that solvers fall back on when their own hyper-parameter is not given.

    Rows of the operator and entries of the observations from `samples` on are padding and identically zero, so inner
    products over rows need no mask; only averages over rows do, and they divide by `samples`.
    """

    operator: lx.AbstractLinearOperator
    observations: Inexact[Array, " rows"]
    samples: Int[Array, ""]
    column_norm: Float[Array, ""]
    sparsity: Int[Array, ""] | None
    noise: Float[Array, ""] | None

    def __init__(
        self,
        operator,
        observations,
        *,
        samples=None,
        sparsity=None,
        noise=None,
        column_norm=None,
    ):
        """**Arguments:**

        - `operator`: a matrix of shape (rows, columns), of NumPy, JAX or pandas; a sparse one of SciPy or JAX, which stays
          sparse (`recover.operators.SparseMatrix`; solvers that factorise the matrix make it dense); or any lineax operator
          between vectors.
        - `observations`: vector of shape (rows,). A series and a frame of pandas must have the same index.
        - `samples`: how many leading rows are data; the rest must be zero. All of them by default.
        - `sparsity`: the number of nonzero coefficients, where it is known.
        - `noise`: standard deviation of the noise per observation, where it is known.
        - `column_norm`: root mean square Euclidean norm of the columns; computed when not given (exactly for a
          matrix, from random probes for a matrix-free operator). Message-passing solvers rescale by it.

        **Raises:** `ValueError` when the shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        complex data of a sparse matrix or a real matrix-free operator, and for what is no array of numbers.
        """
        owner = type(self).__name__
        operator, observations = given_data(owner, operator, observations, complex_allowed=True)
        self.operator = operator
        self.observations = observations
        rows, columns, dtype = observations.shape[0], operator.in_size(), floating_dtype(observations)
        require_integer(owner, "samples", samples, 1, rows)
        require_integer(owner, "sparsity", sparsity, 0, columns)
        self.samples = jnp.asarray(rows if samples is None else samples)
        self.sparsity = None if sparsity is None else jnp.asarray(sparsity)
        self.noise = number(owner, "noise", noise, "standard deviation", dtype)
        if column_norm is None:
            # Matrix-free operators are probed with the same random vectors every time.
            column_norm = mean_column_norm(operator, jax.random.key(0)).astype(dtype)
        self.column_norm = number(owner, "column_norm", column_norm, "nonnegative", dtype)

    @property
    def dimension(self) -> int:
        """Number of coefficients of the unknown vector (static)."""
        return self.operator.in_size()

    @property
    def rows(self) -> int:
        """Padded number of observations (static); `samples` of them are data."""
        return self.observations.shape[0]

    def require_taken(self, where: str, solver: AbstractSolver) -> None:
        """Refuses complex data for a solver that does not say that it takes them, by `takes_complex`."""
        if self.complex_data and not getattr(solver, "takes_complex", False):
            raise TypeError(
                f"{where} has {self.observations.dtype} data, and {type(solver).__name__} takes real data; OMP, ISTA, FISTA, "
                "ProximalGradient or AMP is allowed."
            )

    @property
    def complex_data(self) -> bool:
        """Whether operator, observations and coefficients are complex (static)."""
        return jnp.issubdtype(self.observations.dtype, jnp.complexfloating)

    def forward(self, x: Inexact[Array, " columns"]) -> Inexact[Array, " rows"]:
        """The product A x, without noise."""
        return self.operator.mv(x)

    def adjoint(self, z: Inexact[Array, " rows"]) -> Inexact[Array, " columns"]:
        """The product of the transposed operator with z; complex, of the Hermitian adjoint."""
        if self.complex_data:
            return jnp.conj(transposed_product(self.operator, jnp.conj(z)))
        return transposed_product(self.operator, z)

    def column(self, index: Int[Array, ""]) -> Inexact[Array, " rows"]:
        """The column of the operator at a traced index."""
        return column(self.operator, index).astype(self.observations.dtype)

    def columns(self, indices: Int[Array, " count"]) -> Inexact[Array, "count rows"]:
        """The columns of the operator at traced indices, one a row."""
        return columns(self.operator, indices).astype(self.observations.dtype)

    def units(self) -> Units:
        """Powers of two near the norm of the columns and the largest observation, 1 where these are of order one."""
        return Units(unit_of(self.column_norm), unit_of(largest(self.observations)))

    def in_units(self, units: Units, columns: bool) -> "LinearProblem":
        """Observations, noise and operator in `units`: the operator behind weights of its columns, so it stays shared."""
        weights = 1 / units.operator
        if columns:
            lengths = column_norms(self.operator, units.operator)
            if lengths is not None:
                weights = weights * self._evening_weights(lengths, self.column_norm / units.operator)

        def data(problem):
            noise = [] if problem.noise is None else [problem.noise]
            return [problem.operator, problem.observations, problem.column_norm, *noise]

        noise = [] if self.noise is None else [self.noise / units.observations]
        observations, column_norm = self.observations / units.observations, self.column_norm / units.operator
        # Of the zero operator any norm will do.
        column_norm = jnp.where(column_norm == 0, 1, column_norm)
        operator = WeightedColumns(self.operator, weights)
        return eqx.tree_at(data, self, [operator, observations, column_norm, *noise])

    def restored(self, value: Inexact[Array, " columns"], units: Units) -> Inexact[Array, " columns"]:
        """Coefficients in the units of the data as they were given: the weights of the columns, undone."""
        return self.weights(units) * value * units.observations

    def unrestored(self, value: Inexact[Array, " columns"], units: Units) -> Inexact[Array, " columns"]:
        """The inverse of `restored`."""
        return value / units.observations / self.weights(units)

    def weights(self, units: Units) -> Float[Array, "..."]:
        """The weights of the columns that `in_units` gave the operator."""
        assert isinstance(self.operator, WeightedColumns)
        return self.operator.weights

    def _evening_weights(self, lengths: Float[Array, " columns"], norm: Float[Array, ""]) -> Float[Array, " columns"]:
        """What brings all columns to one norm; 1 where they differ no more than those of random matrices do."""
        present = (lengths > 0) & jnp.isfinite(lengths)
        chance = jnp.sqrt(math.log(max(self.dimension, 2)) / self.count)
        longest = jnp.max(jnp.where(present, lengths, 0))
        shortest = jnp.min(jnp.where(present, lengths, jnp.inf))
        uneven = longest > _APART * jnp.exp(_CHANCE * chance) * shortest
        return jnp.where(uneven & present, norm / jnp.where(present, lengths, 1), 1)
