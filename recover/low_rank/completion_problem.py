"""Known entries of a matrix: what a completion method may see, as a dense pattern or as lists."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws
from ..core.checks import require_integer
from ..core.data import as_data, as_mask, as_sizes, in_one_dtype
from ..core.leaves import is_concrete
from ..core.linalg import qr, svd
from ..core.numbers import norm
from ..core.problem import AbstractProblem
from ..core.units import Units, unit_of
from .entries import known_entries
from .factors import Factors
from .problem import MatrixSensingProblem

__all__ = ["AbstractCompletionProblem", "ListedCompletionProblem", "MatrixCompletionProblem"]

# Largest singular values of the unknown, as estimated, that count as one.
_ORDINARY = (0.5, 4.0)
# Columns beyond the rank and steps of the subspace iteration for the start of large problems.
_SURPLUS, _SUBSPACE_STEPS = 8, 8


class AbstractCompletionProblem(AbstractProblem):
    r"""Entries $Y_{ij}$, $(i, j) \in \Omega$, of an unknown matrix of low rank.

    Methods on factors ask for products with matrices that vanish outside of $\Omega$ alone, which both kinds of problems have:
    as an array of the shape of the matrix, or as lists of $m$ entries. "Values" are one number for every known entry, laid out
    as `observations` are.
    """

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the unknown matrix (static)."""

    @property
    def share(self) -> Float[Array, ""]:
        r"""The share $p = m / (n_1 n_2)$ of entries that are known."""
        return self.count / np.asarray(np.prod(self.shape), self.observations.dtype)

    @abc.abstractmethod
    def entries(self, factors: Factors) -> Float[Array, "..."]:
        r"""The values of $L R^\top$ at the known entries."""

    @abc.abstractmethod
    def times(self, values: Float[Array, "..."], right: Float[Array, "columns width"]) -> Float[Array, "rows width"]:
        """The matrix that has these values at the known entries and zeros elsewhere, times a matrix."""

    @abc.abstractmethod
    def grams(self, right: Float[Array, "columns width"]) -> Float[Array, "rows width width"]:
        r"""$\sum_{j : (i, j) \in \Omega} r_j r_j^\top$ for every row $i$, with $r_j$ the rows of `right`."""

    @abc.abstractmethod
    def transposed(self) -> "AbstractCompletionProblem":
        """The problem of the transposed matrix."""

    @abc.abstractmethod
    def turned(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        """Values as the transposed problem lays them out."""

    @abc.abstractmethod
    def leading(self, key: Key[Array, ""], width: int) -> tuple[Array, Array, Array]:
        r"""The leading singular vectors (columns) and values of the known entries over $p$: left, values, right."""

    def answer(self, factors: Factors):
        """An estimate, from its factors: as a matrix, or as they are where the problem is large."""
        return factors

    def units(self) -> Units:
        """A power of two near the largest singular value; the operator, which takes entries, has no unit."""
        return Units(jnp.ones_like(self.count), unit_of(self._size(), *_ORDINARY))

    def _size(self) -> Float[Array, ""]:
        size = np.sqrt(np.asarray(np.prod(self.shape), self.observations.dtype))
        return norm(self.observations) / jnp.sqrt(self.count) * size

    def in_units(self, units: Units, columns: bool) -> "AbstractCompletionProblem":
        """The known entries in `units`."""
        return eqx.tree_at(lambda problem: problem.observations, self, self.observations / units.observations)

    def restored(self, value, units: Units):
        """The matrix, or its factors, in the units of the data."""
        return _times(value, units, 1)

    def unrestored(self, value, units: Units):
        """The inverse of `restored`."""
        return _times(value, units, -1)


def _times(value, units: Units, power: int):
    if isinstance(value, Factors):
        return Factors(units.times(value.left, 0, power), value.right)
    return units.times(value, 0, power)


class MatrixCompletionProblem(AbstractCompletionProblem):
    r"""Known entries of a matrix as two arrays of its shape.

    Build one from data with `MatrixCompletionProblem.of_entries(matrix, known)`; products with the pattern are products of
    matrices, the fastest up to a few hundred rows. Methods for `MatrixSensingProblem` take it, too.

    - `observations`: the entries, zero where they are not known; shape (rows, columns).
    - `known`: truth values of that shape. `most` (static) is their number where it was known at construction, else that of all.
    - `redraws`: how often a model drew the pattern anew until rows and columns had as many entries as were asked for; 0 for data.
    """

    observations: Float[Array, "rows columns"]
    known: Bool[Array, "rows columns"]
    redraws: Int[Array, ""]
    most: int = eqx.field(static=True)

    def __init__(self, observations, known, *, redraws=None):
        """The arguments of the class.

        **Raises:** `ValueError` when shapes do not fit, a known entry is not finite or a number is impossible; `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        observations = as_data(owner, "observations", observations, "rows columns", finite=False)
        known = as_mask(owner, "known", known, observations.shape)
        if is_concrete(observations) and is_concrete(known):
            as_data(owner, "observations", np.where(known, observations, 0), "rows columns")
        require_integer(owner, "redraws", redraws, 0, None)
        (observations,) = in_one_dtype(owner, observations=observations)
        self.known = jnp.asarray(known)
        self.observations = jnp.where(self.known, observations, 0)
        self.redraws = jnp.asarray(0 if redraws is None else redraws, jnp.int32)
        self.most = int(np.count_nonzero(known)) if is_concrete(known) else known.size

    @staticmethod
    def of_entries(matrix, known=None) -> "MatrixCompletionProblem":
        """What is known of a matrix: an array with truth values, a masked array, or a sparse matrix of SciPy.

        Arguments and errors as of `MatrixSensingProblem.of_entries`.
        """
        rows, columns, values, shape = known_entries("MatrixCompletionProblem.of_entries", matrix, known)
        entries, pattern = np.zeros(shape), np.zeros(shape, bool)
        entries[rows, columns], pattern[rows, columns] = values, True
        return MatrixCompletionProblem(entries, pattern)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.observations.shape[0], self.observations.shape[1]

    @property
    def mask(self) -> Bool[Array, "rows columns"]:
        """Which entries are known."""
        return self.known

    @property
    def count(self) -> Float[Array, ""]:
        """Number of known entries."""
        return jnp.sum(self.known, dtype=jnp.int32).astype(self.observations.dtype)

    @property
    def pattern(self) -> Float[Array, "rows columns"]:
        """One where an entry is known and zero elsewhere."""
        return self.known.astype(self.observations.dtype)

    @property
    def fewest(self) -> Int[Array, ""]:
        """The least number of known entries in a row or column."""
        sides = [jnp.min(jnp.sum(self.known, axis, dtype=jnp.int32)) for axis in (0, 1)]
        return jnp.minimum(*sides)

    def forward(self, x):
        """The known entries of a matrix."""
        return self.pattern * x

    def adjoint(self, z):
        """The matrix of values itself."""
        return self.pattern * z

    def entries(self, factors):
        """The product, where it is known."""
        return self.pattern * factors.matrix()

    def times(self, values, right):
        """A product of matrices."""
        return values @ right

    def grams(self, right):
        """A product of the pattern with all outer products."""
        width = right.shape[1]
        outer = (right[:, :, None] * right[:, None, :]).reshape(-1, width * width)
        return (self.pattern @ outer).reshape(-1, width, width)

    def transposed(self):
        """Both arrays transposed."""
        return eqx.tree_at(lambda p: (p.observations, p.known), self, (self.observations.T, self.known.T))

    def turned(self, values):
        """The transposed array."""
        return values.T

    def leading(self, key, width):
        """By a singular value decomposition."""
        left, values, right = svd(self.observations / self.share)
        return left[:, :width], values[:width], right[:width].T

    def answer(self, factors):
        """The product of the factors."""
        return factors.matrix()

    def _size(self):
        _, values, _ = self.leading(None, 1)
        return values[0]

    def sensing(self) -> MatrixSensingProblem:
        r"""The same data as measurements $\sqrt{n_1 n_2}\, X_{ij}$, in which $\frac1m \mathcal{A}^* \mathcal{A} = P_\Omega / p$."""
        size = np.sqrt(np.asarray(np.prod(self.shape), self.observations.dtype))
        operator = lx.DiagonalLinearOperator((size * self.pattern).reshape(-1))
        samples = jnp.sum(self.known, dtype=jnp.int32)
        observations = (size * self.observations).reshape(-1)
        return MatrixSensingProblem(operator, observations, samples=samples, shape=self.shape, symmetric=False)


class ListedCompletionProblem(AbstractCompletionProblem):
    r"""Known entries as lists of rows, columns and values: memory and time of a step are of order $m + (n_1 + n_2) r$.

    For matrices that are too large for an array; estimates are `Factors`, whose `matrix()` nobody needs to form. Methods on
    factors take it, those that decompose the matrix do not. Build one with `ListedCompletionProblem.of_entries(matrix)` from a
    sparse matrix of SciPy.

    - `places`: integers of shape (entries, 2), row and column of every known entry.
    - `observations`: the entries, shape (entries,).
    - `shape`: (rows, columns) of the matrix.
    """

    observations: Float[Array, " entries"]
    places: Int[Array, "entries 2"]
    sides: tuple[int, int] = eqx.field(static=True)

    def __init__(self, places, observations, shape):
        """The arguments of the class.

        **Raises:** `ValueError` when shapes do not fit, an entry is not finite or lies outside of the matrix; `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        observations = as_data(owner, "observations", observations, "entries")
        places = as_data(owner, "places", places, "entries two")
        self.sides = as_sizes(owner, "shape", shape, 2, "(rows, columns) is allowed")
        if places.shape != (observations.shape[0], 2):
            raise ValueError(
                f"{owner}: `places` has shape {places.shape} and `observations` has shape {observations.shape}; (m, 2), a row and "
                "a column for each entry, and (m,) are allowed."
            )
        if is_concrete(places):
            given = np.asarray(places)
            if np.any((given < 0) | (given >= np.asarray(self.sides)) | (given != np.floor(given))):
                raise ValueError(
                    f"{owner}: `places` leaves a matrix of shape {self.sides}; integers from 0 are allowed."
                )
        self.places = jnp.asarray(places).astype(jnp.int32)
        (self.observations,) = in_one_dtype(owner, observations=observations)

    @staticmethod
    def of_entries(matrix, known=None) -> "ListedCompletionProblem":
        """What is known of a matrix; arguments and errors as of `MatrixSensingProblem.of_entries`."""
        rows, columns, values, shape = known_entries("ListedCompletionProblem.of_entries", matrix, known)
        return ListedCompletionProblem(np.stack([rows, columns], 1), values, shape)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.sides

    @property
    def mask(self) -> Bool[Array, " entries"]:
        """All entries are data."""
        return jnp.ones(self.observations.shape, bool)

    @property
    def count(self) -> Float[Array, ""]:
        """Number of known entries."""
        return jnp.asarray(self.observations.shape[0], self.observations.dtype)

    def entries(self, factors):
        """Inner products of rows of the factors."""
        assert factors.right is not None
        return jnp.sum(factors.left[self.places[:, 0]] * factors.right[self.places[:, 1]], axis=1)

    def times(self, values, right):
        """Sums over the entries of every row."""
        return jax.ops.segment_sum(values[:, None] * right[self.places[:, 1]], self.places[:, 0], self.sides[0])

    def grams(self, right):
        """Sums of outer products over the entries of every row."""
        rows = right[self.places[:, 1]]
        return jax.ops.segment_sum(rows[:, :, None] * rows[:, None, :], self.places[:, 0], self.sides[0])

    def transposed(self):
        """With rows and columns exchanged."""
        return ListedCompletionProblem(self.places[:, ::-1], self.observations, self.sides[::-1])

    def turned(self, values):
        """The values themselves."""
        return values

    def leading(self, key, width):
        """By a few steps of a subspace iteration from random vectors."""
        transposed, values = self.transposed(), self.observations / self.share
        start = draws.normal(key, (self.sides[1], min(width + _SURPLUS, *self.sides))).astype(values.dtype)
        basis = jax.lax.fori_loop(
            0, _SUBSPACE_STEPS, lambda _, v: qr(transposed.times(values, self.times(values, v)))[0], qr(start)[0]
        )
        left, sizes, turn = svd(self.times(values, basis))
        return left[:, :width], sizes[:width], (basis @ turn.T)[:, :width]
