"""What a solver may see of a Kronecker-structured measurement."""

import math

import jax.numpy as jnp
import numpy as np
from equinox import Module
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..core.leaves import complex_dtype, floating_dtype, is_concrete
from ..operators.kronecker import KroneckerProduct
from ..operators.mode_products import adjoints, mode_products
from ..sparse.problem import LinearProblem

__all__ = ["KroneckerProblem"]


class KroneckerProblem(Module):
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

        - `factors`: one matrix per mode, NumPy or JAX, real or complex.
        - `observations`: tensor with one axis per mode, or its ravel.
        - `samples`: how many observations are data (the others must be zero, and belong to rows of zeros); all by default.

        **Raises:** `ValueError` when the shapes do not fit or a size is impossible.
        """
        factors = tuple(jnp.asarray(factor) for factor in factors)
        observations = jnp.asarray(observations)
        for number, factor in enumerate(factors):
            if factor.ndim != 2:
                raise ValueError(
                    f"KroneckerProblem: `factors[{number}]` has shape {factor.shape}; a matrix has two axes."
                )
        shape = tuple(factor.shape[0] for factor in factors)
        count = math.prod(shape)
        if observations.shape not in (shape, (count,)):
            raise ValueError(
                f"KroneckerProblem: `observations` has shape {observations.shape}; {shape} or ({count},) is allowed."
            )
        if is_concrete(samples):
            sizes = np.asarray(samples)
            if not np.issubdtype(sizes.dtype, np.integer) or np.any(sizes < 1) or np.any(sizes > count):
                raise ValueError(f"KroneckerProblem: `samples` is {samples}; an integer from 1 to {count} is allowed.")
        real = floating_dtype(factors, observations)
        complex_data = any(jnp.issubdtype(each.dtype, jnp.complexfloating) for each in (*factors, observations))
        dtype = complex_dtype(real) if complex_data else real
        self.factors = tuple(factor.astype(dtype) for factor in factors)
        self.observations = observations.reshape(shape).astype(dtype)
        self.samples = jnp.asarray(count if samples is None else samples, jnp.int32)
        self.noise = None if noise is None else jnp.asarray(noise, real)
        self.mode_sparsity = None if mode_sparsity is None else jnp.asarray(mode_sparsity, jnp.int32)

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Shape of the unknown tensor (static)."""
        return tuple(factor.shape[1] for factor in self.factors)

    @property
    def rows(self) -> int:
        """Padded number of observations (static); `samples` of them are data."""
        return math.prod(self.observations.shape)

    @property
    def power(self) -> Float[Array, ""]:
        """Energy per observation; 1 for data that vanish."""
        energy = jnp.sum(jnp.abs(self.observations) ** 2)
        return jnp.where(energy == 0, 1, energy) / self.samples.astype(energy.dtype)

    @property
    def column_norms(self) -> tuple[Float[Array, "_"], ...]:
        """Euclidean norms of every factor's columns; those of the Kronecker product are their products."""
        return tuple(jnp.sqrt(jnp.sum(jnp.abs(factor) ** 2, axis=0)) for factor in self.factors)

    def forward(self, tensor: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        """The noiseless observations of a tensor."""
        return mode_products(self.factors, tensor)

    def adjoint(self, observations: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        """The adjoint of `forward`."""
        return mode_products(adjoints(self.factors), observations)

    def residual(self, tensor: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        """Observations minus `forward`; zero on padding."""
        return self.observations - self.forward(tensor)

    def live_rows(self) -> tuple[Bool[Array, "_"], ...]:
        """Which rows of every factor are data: those that are not zero."""
        return tuple(jnp.any(factor != 0, axis=1) for factor in self.factors)

    def as_linear(self, unit_columns: bool = False) -> LinearProblem:
        """The same data as a `LinearProblem` about the raveled tensor, still without forming the product.

        With `unit_columns` the unknowns are the coefficients of columns of unit norm.

        **Raises:** `TypeError` for complex data.
        """
        factors = self.factors
        if unit_columns:
            factors = tuple(
                factor / jnp.where(norm > 0, norm, 1).astype(factor.dtype)[None, :]
                for factor, norm in zip(factors, self.column_norms, strict=True)
            )
        norm = jnp.sqrt(math.prod(jnp.sum(jnp.abs(factor) ** 2) / factor.shape[1] for factor in factors))
        # Padding of a mode that is not the first lies between the rows, where products with rows of zeros keep it idle.
        return LinearProblem(
            KroneckerProduct(factors),
            self.observations.reshape(-1),
            samples=self.samples,
            sparsity=None if self.mode_sparsity is None else jnp.prod(self.mode_sparsity),
            noise=self.noise,
            column_norm=norm,
        )
