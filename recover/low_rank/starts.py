"""Starting factors of low-rank methods, before their initial scale is applied."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.checks import Rule
from ..core.fields import AbstractModule, Real, leaf
from ..core.linalg import eigh, svd
from ..core.selection import largest_value
from ..core.units import Units
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


class AbstractFactorStart(AbstractModule):
    """A rule for the factors an iteration starts from. A larger width only adds columns."""

    @abc.abstractmethod
    def __call__(self, problem: MatrixSensingProblem, key: Key[Array, ""], width: int) -> Factors:
        """Factors with `width` columns, of the order of the factors of the truth (where that is estimated at all)."""

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "AbstractFactorStart | None":
        """The rule for a problem in other units; by default itself, since rules see the data."""
        return self


class SignSpectralFactors(AbstractFactorStart):
    r"""The positive part of the spectrum of $C = \frac1m \sum_i \operatorname{sign}(y_i) A_i$ (symmetrised).

    $B = V_{1:w} \operatorname{diag}(\max(\lambda_{1:w}, 0))^{1/2}$; the negative sub-gradient of the $\ell_1$ loss at zero, so
    its direction survives gross outliers. $C$ has the units of $X_\star / \|X_\star\|_F$ (ma2023). Without symmetry
    singular vectors and values are used. Observations of one sign, as $a_i^\top X a_i$ are, count from their median on: their
    signs alone say nothing.
    """

    def __call__(self, problem, key, width):
        """Leading eigenvectors, scaled by the roots of their eigenvalues."""
        observations, samples = problem.observations, problem.samples
        signs = jnp.sign(observations)
        if problem.holds_forms:
            median = largest_value(jnp.abs(observations), samples - samples // 2)
            centred = jnp.where(problem.mask, signs * jnp.sign(jnp.abs(observations) - median), 0)
            signs = jnp.where(problem.one_sided, centred, signs)
        weights = signs / problem.count
        return spectral_factors(problem, problem.adjoint(weights), width)


class TruncatedSpectralFactors(AbstractFactorStart):
    r"""The spectrum of $C = \frac1m \sum_i y_i\, 1\{|y_i| \le c\, \mathrm{med}_j |y_j|\}\, A_i$: large observations are left out.

    The start of robust factor methods that need a close one; in the units of the truth, somewhat shrunk. With an infinite
    `threshold` $c$ nothing is left out.
    """

    threshold: Real = leaf(3.0, Rule("a positive number", lambda value: value > 0))

    def __call__(self, problem, key, width):
        """Leading eigenvectors, scaled by the roots of their eigenvalues."""
        y = problem.observations
        level = largest_value(jnp.abs(y), problem.samples - problem.samples // 2)
        kept = jnp.where(jnp.abs(y) <= self.threshold * level, y, 0)
        return spectral_factors(problem, problem.adjoint(kept / problem.count), width)


class RandomFactors(AbstractFactorStart):
    r"""Independent $N(0, 1/d)$ entries, with $d$ the number of rows of each factor: a start that has seen no data."""

    def __call__(self, problem, key, width):
        """Columns of norm one on average."""
        rows, columns = problem.shape
        dtype = problem.observations.dtype
        left = draws.normal(key, (width, rows + (0 if problem.symmetric else columns))).astype(dtype).T
        if problem.symmetric:
            return Factors(left * np.sqrt(1 / rows).astype(dtype))
        return Factors(left[:rows] * np.sqrt(1 / rows).astype(dtype), left[rows:] * np.sqrt(1 / columns).astype(dtype))


class IdentityFactors(AbstractFactorStart):
    r"""The leading columns of the identity: a start without randomness.

    $U_0 = \alpha I_{d \times r'}$ is as good as the spectrum of the data for small $\alpha$.
    """

    def __call__(self, problem, key, width):
        """Ones on the diagonal."""
        rows, columns = problem.shape
        dtype = problem.observations.dtype
        left = jnp.eye(rows, width, dtype=dtype)
        return Factors(left, None if problem.symmetric else jnp.eye(columns, width, dtype=dtype))


class PlantedFactors(AbstractFactorStart):
    r"""Factors of a given matrix, moved by `distance` times a uniformly random direction: for exploring basins.

    **Arguments:**

    - `matrix`: the matrix, the truth for example; its best approximation of the width of the search is factored.
    - `distance`: $\|U_0 - U\|_F$ over all factors together.

    Use it with `initial_scale=1`.
    """

    matrix: Float[Array, "rows columns"] = leaf(rule="finite")
    distance: Real = leaf(0.0, "nonnegative")

    def __call__(self, problem, key, width):
        """The factors of the matrix plus a perturbation of the given Frobenius norm."""
        exact = _spectral(self.matrix, problem.symmetric, width)
        direction = RandomFactors()(problem, key, width)
        size = jnp.sqrt(direction.squared_norm())
        return exact.moved(jnp.negative(self.distance) / size, direction)

    def in_units(self, units, weights):
        """With the matrix, and its factors, in the new units."""
        matrix = units.times(self.matrix, 1, -1)
        distance = self.distance / jnp.sqrt(units.times(jnp.ones_like(self.distance), -1, 1))
        return eqx.tree_at(lambda start: (start.matrix, start.distance), self, (matrix, distance))


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
