"""What a solver may see of a Kronecker-structured measurement."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..core.checks import require_integer
from ..core.data import as_data, in_one_dtype, number, shown
from ..core.leaves import floating_dtype
from ..core.numbers import norm, squared_norm, unit
from ..core.problem import AbstractProblem
from ..core.units import Units, largest, unit_of
from ..operators.kronecker import KroneckerProduct
from ..operators.mode_products import adjoints, mode_products, outer
from ..sparse.problem import LinearProblem

__all__ = ["KroneckerProblem"]


class KroneckerProblem(AbstractProblem):
    r"""Observations of an unknown tensor through one matrix per mode, $y = (A_1 \otimes \dots \otimes A_p)\, x + w$.

    Data are real or complex tensors; the Kronecker product is never formed. Rows of a factor that are zero are padding,
    and so are the slices of the observations that belong to them; `samples` counts the observations that are data.

    - `factors`: matrices of shape $(m_i, n_i)$.
    - `observations`: tensor of shape $(m_1, \dots, m_p)$; `LinearProblem`'s vector is its ravel.
    - `noise`: standard deviation of the noise per observation (of a complex number, for complex data), where it is known.
    - `mode_sparsity`: number of nonzero entries of the support in every mode, where they are known.
    """

    factors: tuple[Inexact[Array, "_ _"], ...]
    observations: Inexact[Array, "..."]
    samples: Int[Array, ""]
    noise: Float[Array, ""] | None
    mode_sparsity: Int[Array, " modes"] | None

    def __init__(self, factors, observations, *, samples=None, noise=None, mode_sparsity=None):
        """**Arguments:**

        - `factors`: one matrix per mode, real or complex.
        - `observations`: tensor with one axis per mode, or its ravel.
        - `samples`: how many observations are data (the others must be zero, and belong to rows of zeros); all by default.
        - `noise`: standard deviation of the noise per observation, where it is known.
        - `mode_sparsity`: number of nonzero entries of the support in every mode, where they are known.

        **Raises:** `ValueError` when the shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        what is no array of numbers.
        """
        owner = type(self).__name__
        factors = _factors(owner, factors)
        observations = as_data(owner, "observations", observations, "...", complex_allowed=True)
        shape = tuple(factor.shape[0] for factor in factors)
        rows = math.prod(shape)
        if observations.shape not in (shape, (rows,)):
            raise ValueError(
                f"KroneckerProblem: `observations` has shape {observations.shape}; {shape} or ({rows},) is allowed."
            )
        require_integer("KroneckerProblem", "samples", samples, 1, rows)
        named = {f"factors[{index}]": factor for index, factor in enumerate(factors)}
        *cast, observations = in_one_dtype(owner, **named, observations=observations.reshape(shape))
        self.factors = tuple(cast)
        self.observations = observations
        self.samples = jnp.asarray(rows if samples is None else samples, jnp.int32)
        self.noise = number(owner, "noise", noise, "standard deviation", floating_dtype(observations))
        self.mode_sparsity = _mode_sparsity(owner, mode_sparsity, self.dimensions)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Shape of the unknown tensor (static)."""
        return tuple(factor.shape[1] for factor in self.factors)

    @property
    def rows(self) -> int:
        """Padded number of observations (static); `samples` of them are data."""
        return math.prod(self.observations.shape)

    @property
    def mask(self) -> Bool[Array, "..."]:
        """Which observations are data: those of rows that are not zero."""
        return outer([jnp.any(factor != 0, axis=1) for factor in self.factors])

    @property
    def count(self) -> Float[Array, ""]:
        """Number of observations that are data, `samples` as a real number."""
        return self.samples.astype(floating_dtype(self.observations))

    @property
    def column_norms(self) -> tuple[Float[Array, "_"], ...]:
        """Euclidean norms of every factor's columns; those of the Kronecker product are their products."""
        return tuple(norm(factor, 0) for factor in self.factors)

    def forward(self, x: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        """The noiseless observations of a tensor, one product along each mode; zero on padding."""
        return mode_products(self.factors, x)

    def adjoint(self, z: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        """The tensor of inner products of the columns of the Kronecker product with observations."""
        return mode_products(adjoints(self.factors), z)

    def units(self) -> Units:
        """Powers of two near the largest entry of every factor, multiplied, and near the largest observation."""
        operator = math.prod((unit_of(largest(factor)) for factor in self.factors), start=jnp.ones_like(self.count))
        return Units(operator, unit_of(largest(self.observations)))

    def in_units(self, units: Units, columns: bool) -> "KroneckerProblem":
        """Observations, noise and factors, which are small, in `units`."""

        def data(problem):
            noise = [] if problem.noise is None else [problem.noise]
            return [problem.factors, problem.observations, *noise]

        factors = tuple(factor / unit_of(largest(factor)).astype(factor.dtype) for factor in self.factors)
        observations = self.observations / units.observations.astype(self.observations.dtype)
        noise = [] if self.noise is None else [self.noise / units.observations]
        return eqx.tree_at(data, self, [factors, observations, *noise])

    def restored(self, value: Inexact[Array, "..."], units: Units) -> Inexact[Array, "..."]:
        """The tensor in the units of the data as they were given."""
        return units.times(value, -1, 1)

    def unrestored(self, value: Inexact[Array, "..."], units: Units) -> Inexact[Array, "..."]:
        """The inverse of `restored`."""
        return units.times(value, 1, -1)

    def as_linear(self, unit_columns: bool = False) -> LinearProblem:
        """The same data as a `LinearProblem` about the raveled tensor, still without forming the product.

        With `unit_columns` the unknowns are the coefficients of columns of unit norm.

        **Raises:** `TypeError` for complex data.
        """
        factors = tuple(unit(factor, 0) for factor in self.factors) if unit_columns else self.factors
        mean_squares = [squared_norm(factor) / factor.shape[1] for factor in factors]
        # Padding of a mode that is not the first lies between the rows, where products with rows of zeros keep it idle.
        return LinearProblem(
            KroneckerProduct(factors),
            self.observations.reshape(-1),
            samples=self.samples,
            sparsity=None if self.mode_sparsity is None else jnp.prod(self.mode_sparsity),
            noise=self.noise,
            column_norm=jnp.sqrt(math.prod(mean_squares)),
        )


def _factors(owner: str, factors) -> tuple:
    """One matrix per mode."""
    try:
        given = tuple(factors)
    except TypeError:
        given = ()
    if not given or isinstance(factors, str):
        raise TypeError(f"{owner}: `factors` is {shown(factors)}; one matrix per mode, in a list, is allowed.")
    found = tuple(as_data(owner, f"factors[{i}]", each, "...", complex_allowed=True) for i, each in enumerate(given))
    for index, factor in enumerate(found):
        if factor.ndim != 2 or 0 in factor.shape:
            raise ValueError(
                f"{owner}: `factors[{index}]` has shape {factor.shape}; a matrix has two axes, neither empty."
            )
    return found


def _mode_sparsity(owner: str, sizes, dimensions: tuple[int, ...]):
    """One integer per mode, at most its dimension."""
    if sizes is None:
        return None
    vector = isinstance(sizes, (tuple, list)) or (hasattr(sizes, "shape") and len(sizes.shape) == 1)
    if not vector or len(sizes) != len(dimensions):
        raise ValueError(
            f"{owner}: `mode_sparsity` is {shown(sizes)}; {len(dimensions)} integers, one per mode, are allowed."
        )
    for index, most in enumerate(dimensions):
        require_integer(owner, f"mode_sparsity[{index}]", sizes[index], 0, most, "the mode size")
    return jnp.asarray(sizes, jnp.int32)
