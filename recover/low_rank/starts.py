"""Starting factors of low-rank methods, before their initial scale is applied."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.leaves import is_concrete, leaf
from ..core.linalg import eigh, svd
from ..core.selection import largest_value
from .factors import Factors
from .problem import MatrixSensingProblem

__all__ = [
    "AbstractFactorStart",
    "IdentityFactors",
    "PlantedFactors",
    "RandomFactors",
    "SignSpectralFactors",
    "TruncatedSpectralFactors",
]


class AbstractFactorStart(eqx.Module):
    """A rule for the factors an iteration starts from. A larger width only adds columns."""

    @abc.abstractmethod
    def __call__(self, problem: MatrixSensingProblem, key: Key[Array, ""], width: int) -> Factors:
        """Factors with `width` columns, of the order of the factors of the truth (where that is estimated at all)."""


class SignSpectralFactors(AbstractFactorStart):
    r"""The positive part of the spectrum of $C = \frac1m \sum_i \operatorname{sign}(y_i) A_i$ (symmetrised).

    $B = V_{1:w} \operatorname{diag}(\max(\lambda_{1:w}, 0))^{1/2}$; the negative sub-gradient of the $\ell_1$ loss at zero, so
    its direction survives gross outliers. $C$ has the units of $X_\star / \|X_\star\|_F$ (Ma and Fattahi 2023). Without symmetry
    singular vectors and values are used.
    """

    def __call__(self, problem, key, width):
        """Leading eigenvectors, scaled by the roots of their eigenvalues."""
        weights = jnp.sign(problem.observations) / problem.count
        return spectral_factors(problem, problem.adjoint(weights), width)


class TruncatedSpectralFactors(AbstractFactorStart):
    r"""The spectrum of $C = \frac1m \sum_i y_i\, 1\{|y_i| \le c\, \mathrm{med}_j |y_j|\}\, A_i$: large observations are left out.

    The start of robust factor methods that need a close one; in the units of the truth, somewhat shrunk.
    """

    threshold: Float[Array, ""] = leaf(default=3.0)

    def __check_init__(self):
        if is_concrete(self.threshold) and not np.all(np.asarray(self.threshold) > 0):
            raise ValueError(
                f"TruncatedSpectralFactors: `threshold` is {self.threshold}; a positive number is allowed."
            )

    def __call__(self, problem, key, width):
        """Leading eigenvectors, scaled by the roots of their eigenvalues."""
        y = problem.observations
        level = largest_value(jnp.abs(y), problem.samples - problem.samples // 2)
        kept = jnp.where(jnp.abs(y) <= jnp.asarray(self.threshold, y.dtype) * level, y, 0)
        return spectral_factors(problem, problem.adjoint(kept / problem.count), width)


class RandomFactors(AbstractFactorStart):
    r"""Independent $N(0, 1/d)$ entries, with $d$ the number of rows of each factor."""

    def __call__(self, problem, key, width):
        """Columns of norm one on average."""
        rows, columns = problem.shape
        dtype = problem.observations.dtype
        left = draws.normal(key, (width, rows + (0 if problem.symmetric else columns))).astype(dtype).T
        if problem.symmetric:
            return Factors(left * np.sqrt(1 / rows).astype(dtype))
        return Factors(left[:rows] * np.sqrt(1 / rows).astype(dtype), left[rows:] * np.sqrt(1 / columns).astype(dtype))


class IdentityFactors(AbstractFactorStart):
    """The leading columns of the identity."""

    def __call__(self, problem, key, width):
        """Ones on the diagonal."""
        rows, columns = problem.shape
        dtype = problem.observations.dtype
        left = jnp.eye(rows, width, dtype=dtype)
        return Factors(left, None if problem.symmetric else jnp.eye(columns, width, dtype=dtype))


class PlantedFactors(AbstractFactorStart):
    r"""Factors of a given matrix, moved by `distance` times a uniformly random direction: for exploring basins.

    The distance is $\|U_0 - U\|_F$ over all factors together. Use it with `initial_scale=1`.
    """

    matrix: Float[Array, "rows columns"]
    distance: Float[Array, ""] = leaf(default=0.0)

    def __call__(self, problem, key, width):
        """The factors of the matrix plus a perturbation of the given Frobenius norm."""
        exact = _spectral(self.matrix, problem.symmetric, width)
        direction = RandomFactors()(problem, key, width)
        size = jnp.sqrt(direction.squared_norm())
        return exact.moved(-jnp.asarray(self.distance, size.dtype) / size, direction)


def spectral_factors(problem: MatrixSensingProblem, matrix: Float[Array, "rows columns"], width: int) -> Factors:
    """Factors of the best approximation of `matrix` by one of rank `width` (positive semidefinite for a symmetric problem)."""
    return _spectral(matrix, problem.symmetric, width)


def _spectral(matrix, symmetric: bool, width: int) -> Factors:
    if symmetric:
        values, vectors = eigh(matrix)
        values, vectors = values[::-1], vectors[:, ::-1]
        roots = jnp.sqrt(jnp.maximum(values, 0))
        return Factors(_padded(vectors * roots[None, :], width))
    left, values, right = svd(matrix)
    roots = jnp.sqrt(values)[None, :]
    return Factors(_padded(left * roots, width), _padded(right.T * roots, width))


def _padded(matrix, width: int):
    columns = matrix.shape[1]
    return matrix[:, :width] if width <= columns else jnp.pad(matrix, ((0, 0), (0, width - columns)))
