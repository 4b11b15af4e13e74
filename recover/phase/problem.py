"""Phaseless observations: what a solver may see of a signal whose linear measurements have lost their phases."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Float, Inexact, Int

from ..core.checks import require_integer
from ..core.data import as_data, in_dtype, in_one_dtype, number, require_same_labels
from ..core.leaves import floating_dtype, is_concrete
from ..core.numbers import squared_norm
from ..core.problem import AbstractRowProblem
from ..core.stopping import relative_norm
from ..core.units import Units, exact_unit_of, largest, unit_of
from ..operators.given import given_operator, is_operator
from ..operators.norms import mean_column_norm
from ..operators.transposed import transposed_product
from ..operators.weighted_columns import WeightedColumns
from .phases import modulus

__all__ = ["PhaselessProblem"]

# Sizes of entries that count as one.
_ORDINARY = (0.7, 1.5)


class PhaselessProblem(AbstractRowProblem):
    r"""Moduli of linear measurements of an unknown vector, $b_i = |(A x)_i|$, real or complex.

    Build one from your own data with `PhaselessProblem(A, b)`; `recover.models.PhaseRetrieval` builds its own in `observe`. The
    unknown is defined up to a global phase, a sign where the matrix is real. Take the root of data that are intensities,
    $b_i^2$.

    Rows of the operator and observations from `samples` on are padding and identically zero. Solvers see entries of root mean
    square one, whatever the operator: they are solved in these units, and answered in those of the data. The `oracle` holds the
    signal where it is known besides (`known_signal`).
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, " rows"]
    samples: Int[Array, ""]
    entry_size: Float[Array, ""]

    def __init__(self, operator, observations, *, samples=None, entry_size=None, known_signal=None):
        """**Arguments:**

        - `operator`: a matrix of shape (rows, columns), real or complex, a sparse one (real), or any lineax operator between vectors.
        - `observations`: the moduli, shape (rows,), nonnegative.
        - `samples`: how many leading rows are data; the rest must be zero. All of them by default.
        - `entry_size`: root mean square of the entries of the operator in the rows that are data; computed when not given (of a
          matrix-free operator from random probes).
        - `known_signal`: the signal, where it is known besides. Only starts that say so read it.

        **Raises:** `ValueError` when the shapes do not fit, an observation is negative, an entry is not finite or a number is
        impossible, `TypeError` for complex observations, and for what is no array of numbers.
        """
        owner = type(self).__name__
        require_same_labels(owner, "operator", operator, "observations", observations)
        observations = as_data(owner, "observations", observations, "rows")
        if is_concrete(observations) and np.any(np.asarray(observations) < 0):
            least = float(np.min(np.asarray(observations, float)))
            raise ValueError(f"{owner}: `observations` holds {least:.4g}; moduli, of at least 0, are allowed.")
        if is_operator(operator):
            operator = given_operator(owner, "operator", operator, complex_allowed=True)
            real = floating_dtype(operator.out_structure())
            observations = in_dtype(owner, "observations", observations, real)
        else:
            matrix = as_data(owner, "operator", operator, "rows columns", complex_allowed=True)
            matrix, observations = in_one_dtype(owner, operator=matrix, observations=observations)
            observations = jnp.real(observations)
            operator = lx.MatrixLinearOperator(matrix)
        if observations.shape != operator.out_structure().shape:
            raise ValueError(
                f"{owner}: `observations` has shape {observations.shape}, but the operator maps to "
                f"{operator.out_structure().shape}; the two must be the same vector shape."
            )
        rows, columns, dtype = observations.shape[0], operator.in_size(), observations.dtype
        require_integer(owner, "samples", samples, 1, rows)
        self.operator, self.observations = operator, observations
        self.samples = jnp.asarray(rows if samples is None else samples)
        if entry_size is None:
            # Operators without a matrix are probed with the same random vectors every time.
            norm = mean_column_norm(operator, jax.random.key(0)).astype(dtype)
            entry_size = norm / jnp.sqrt(self.count)
        self.entry_size = number(owner, "entry_size", entry_size, "nonnegative", dtype)
        self.oracle = None if known_signal is None else _signal(owner, known_signal, columns, self.signal_dtype)

    @property
    def dimension(self) -> int:
        """Number of entries of the unknown vector (static)."""
        return self.operator.in_size()

    @property
    def complex_data(self) -> bool:
        """Whether operator and signal are complex (static)."""
        return jnp.issubdtype(self.signal_dtype, jnp.complexfloating)

    @property
    def signal_dtype(self) -> np.dtype:
        """The dtype of the signal (static)."""
        return self.operator.out_structure().dtype

    @property
    def sampling(self) -> Float[Array, ""]:
        r"""The number $\delta = m / n$ of observations for every unknown."""
        return self.count / self.dimension

    @property
    def power(self) -> Float[Array, ""]:
        r"""The mean intensity, which is about $\|x\|^2$ where entries of the operator have mean square one."""
        return squared_norm(self.observations) / self.count

    def products(self, x: Inexact[Array, " columns"]) -> Inexact[Array, " rows"]:
        """The product A x, with its phases."""
        return self.operator.mv(x)

    def forward(self, x: Inexact[Array, " columns"]) -> Float[Array, " rows"]:
        """The moduli of A x."""
        return modulus(self.products(x))

    def back_projection(self, z: Inexact[Array, " rows"]) -> Inexact[Array, " columns"]:
        """The product of the (Hermitian) adjoint of the operator with z."""
        if self.complex_data:
            return jnp.conj(transposed_product(self.operator, jnp.conj(z)))
        return transposed_product(self.operator, z)

    def mismatch(self, z: Inexact[Array, " rows"]) -> Float[Array, ""]:
        r"""$\|b - |z|\| / \|b\|$ of products $z = A x$."""
        return relative_norm(self.observations - modulus(z), self.observations)

    def units(self) -> Units:
        """The size of the entries of the operator, which should be one, and a power of two near the largest observation."""
        return Units(exact_unit_of(self.entry_size, *_ORDINARY), unit_of(largest(self.observations)))

    def in_units(self, units: Units, columns: bool) -> "PhaselessProblem":
        """Observations, operator and known signal in `units`."""

        def data(problem):
            known = [] if problem.oracle is None else [problem.oracle]
            return [problem.operator, problem.observations, problem.entry_size, *known]

        known = [] if self.oracle is None else [self.unrestored(self.oracle, units)]
        operator = WeightedColumns(self.operator, 1 / units.operator, dtype=self.signal_dtype)
        changed = [operator, self.observations / units.observations, self.entry_size / units.operator, *known]
        return eqx.tree_at(data, self, changed)

    def restored(self, value: Inexact[Array, " columns"], units: Units) -> Inexact[Array, " columns"]:
        """The signal in the units of the data as they were given."""
        return units.times(value, -1, 1)

    def unrestored(self, value: Inexact[Array, " columns"], units: Units) -> Inexact[Array, " columns"]:
        """The inverse of `restored`."""
        return units.times(value, 1, -1)


def _signal(owner: str, value, columns: int, dtype):
    complex_allowed = jnp.issubdtype(dtype, jnp.complexfloating)
    found = as_data(owner, "known_signal", value, "columns", complex_allowed=complex_allowed)
    if found.shape != (columns,):
        raise ValueError(f"{owner}: `known_signal` has shape {found.shape}; ({columns},) is allowed.")
    return in_dtype(owner, "known_signal", found, dtype)
