r"""Random design matrices.

An ensemble is two functions: `draw` makes what is expensive and can be shared by many instances, and `operator` turns
it into the design of one instance with `samples` rows. All scale columns to unit Euclidean norm on average,
$\mathbb{E}\,\|A e_j\|^2 = 1$, whatever the number of samples, and set rows from `samples` on to zero.
"""

import abc
from typing import Generic, TypeVar

import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Int, Key

from ..core import draws
from ..core.checks import Rule
from ..core.fields import AbstractModule, Real, leaf
from ..core.leaves import is_concrete
from ..core.linalg import qr
from ..core.sizes import row_mask
from .autoregressive import AutoregressiveFactor
from .subsampled_circulant import SubsampledCirculant
from .subsampled_cosine import SubsampledCosine
from .subsampled_hadamard import SubsampledHadamard

__all__ = [
    "ENSEMBLES",
    "AbstractEnsemble",
    "Circulant",
    "Conditioned",
    "Correlated",
    "Gaussian",
    "PartialCosine",
    "PartialHadamard",
    "Rademacher",
    "as_ensemble",
]

DesignT = TypeVar("DesignT")


class AbstractEnsemble(AbstractModule, Generic[DesignT]):
    """A distribution over design matrices with a traced number of rows."""

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], dimension: int, capacity: int) -> DesignT:
        """The shareable part. Must not depend on array leaves of the ensemble, and its first rows not on `capacity`."""

    @abc.abstractmethod
    def operator(
        self, design: DesignT, dimension: int, capacity: int, samples: Int[Array, ""]
    ) -> lx.AbstractLinearOperator:
        """The design of one instance: a map from R^dimension to R^capacity whose rows from `samples` on are zero."""

    def check(self, dimension: int, samples) -> None:
        """Raises `ValueError` for sizes at which the ensemble does not exist."""
        return None


def _real(count):
    return jnp.asarray(count).astype(jnp.zeros(()).dtype)


def _scaled_rows(operator, scale, samples, capacity):
    scale = jnp.where(row_mask(samples, capacity), scale, 0)
    return lx.DiagonalLinearOperator(scale.astype(operator.in_structure().dtype)) @ operator


def _at_most_dimension(ensemble: str, dimension: int, samples) -> None:
    if is_concrete(samples) and np.any(np.asarray(samples) > dimension):
        raise ValueError(
            f"`samples` is {samples}, but the {ensemble} ensemble subsamples the {dimension} rows of a square matrix: "
            f"at most {dimension} (the dimension) is allowed."
        )


class Gaussian(AbstractEnsemble[Array]):
    r"""Independent $\mathcal{N}(0, 1/m)$ entries, with $m$ the number of samples."""

    def draw(self, key, dimension, capacity):
        return draws.normal(key, (capacity, dimension))

    def operator(self, design, dimension, capacity, samples):
        return _scaled_rows(lx.MatrixLinearOperator(design), _real(samples) ** -0.5, samples, capacity)


class Rademacher(AbstractEnsemble[Array]):
    r"""Independent entries $\pm 1/\sqrt{m}$ with equal probability, with $m$ the number of samples."""

    def draw(self, key, dimension, capacity):
        return draws.signs(key, (capacity, dimension))

    def operator(self, design, dimension, capacity, samples):
        return _scaled_rows(lx.MatrixLinearOperator(design), _real(samples) ** -0.5, samples, capacity)


class PartialCosine(AbstractEnsemble[Array]):
    r"""Uniformly chosen rows of the orthonormal discrete cosine transform, times $\sqrt{n/m}$; matrix-free."""

    def draw(self, key, dimension, capacity):
        return draws.random_order(key, dimension)[:capacity]

    def operator(self, design, dimension, capacity, samples):
        operator = SubsampledCosine(design, dimension)
        return _scaled_rows(operator, (dimension / _real(samples)) ** 0.5, samples, capacity)

    def check(self, dimension, samples):
        _at_most_dimension("partial_dct", dimension, samples)


class PartialHadamard(AbstractEnsemble[Array]):
    r"""Uniformly chosen rows of the orthonormal Walsh-Hadamard matrix, times $\sqrt{n/m}$; matrix-free.

    The dimension must be a power of two.
    """

    def draw(self, key, dimension, capacity):
        return draws.random_order(key, dimension)[:capacity]

    def operator(self, design, dimension, capacity, samples):
        operator = SubsampledHadamard(design, dimension)
        return _scaled_rows(operator, (dimension / _real(samples)) ** 0.5, samples, capacity)

    def check(self, dimension, samples):
        if dimension & (dimension - 1):
            raise ValueError(
                f"`dimension` is {dimension}; the partial_hadamard ensemble allows powers of two, "
                f"for instance {1 << (dimension.bit_length() - 1)} or {1 << dimension.bit_length()}."
            )
        _at_most_dimension("partial_hadamard", dimension, samples)


class Circulant(AbstractEnsemble[tuple[Array, Array]]):
    r"""Uniformly chosen rows of a circulant matrix with Gaussian generator, entries $\mathcal{N}(0, 1/m)$; matrix-free.

    A partial random circulant matrix, of Rauhut, Romberg and Tropp (rauhut2012): convolution with a random filter, subsampled.
    """

    def draw(self, key, dimension, capacity):
        key_rows, key_filter = draws.split(key)
        return draws.random_order(key_rows, dimension)[:capacity], draws.normal(key_filter, (dimension,))

    def operator(self, design, dimension, capacity, samples):
        rows, generator = design
        return _scaled_rows(SubsampledCirculant(rows, generator), _real(samples) ** -0.5, samples, capacity)

    def check(self, dimension, samples):
        _at_most_dimension("circulant", dimension, samples)


class Correlated(AbstractEnsemble[Array]):
    r"""Independent Gaussian rows with autoregressive columns: $\mathrm{Cov}(A_{ij}, A_{ik}) = \rho^{|j-k|} / m$.

    `correlation` is the $\rho$ in (-1, 1); it is an array leaf, so it can be swept. The design shares its Gaussian
    draw with every other correlation: only the row transform differs.
    """

    correlation: Real = leaf(0.5, Rule("a number strictly between -1 and 1", lambda value: np.abs(value) < 1))

    def draw(self, key, dimension, capacity):
        return draws.normal(key, (capacity, dimension))

    def operator(self, design, dimension, capacity, samples):
        matrix = lx.MatrixLinearOperator(design)
        factor = AutoregressiveFactor(self.correlation, dimension, dtype=design.dtype)
        return _scaled_rows(matrix, _real(samples) ** -0.5, samples, capacity) @ factor


class Conditioned(AbstractEnsemble[Array]):
    r"""Orthogonal rows with geometrically decaying norms: singular values $s_i \propto \kappa^{-i/(m-1)}$, $i < m$.

    `condition_number` $\kappa \ge 1$ is an array leaf. The rows are Haar distributed (Gram-Schmidt on Gaussian rows),
    so the design is rotationally invariant from the right; the left singular vectors are the coordinate axes, which
    no solver that is invariant under rotations of the observations can tell. Normalised to $\|A\|_F^2 = n$.
    """

    condition_number: Real = leaf(10.0, "at least one")

    def draw(self, key, dimension, capacity):
        # Gram-Schmidt on the rows: row i of the factor depends on the first i rows only, so it is prefix-stable.
        orthogonal, triangular = qr(draws.normal(key, (capacity, dimension)).T)
        return orthogonal.T * jnp.sign(jnp.diagonal(triangular))[:, None]

    def operator(self, design, dimension, capacity, samples):
        positions = _real(jnp.arange(capacity)) / jnp.maximum(_real(samples) - 1, 1)
        decay = jnp.exp(-positions * jnp.log(self.condition_number))
        decay = jnp.where(row_mask(samples, capacity), decay, 0)
        scale = decay * (dimension / jnp.sum(decay**2)) ** 0.5
        return _scaled_rows(lx.MatrixLinearOperator(design), scale, samples, capacity)

    def check(self, dimension, samples):
        _at_most_dimension("conditioned", dimension, samples)


ENSEMBLES = {
    "gaussian": Gaussian,
    "rademacher": Rademacher,
    "partial_dct": PartialCosine,
    "partial_hadamard": PartialHadamard,
    "circulant": Circulant,
    "correlated": Correlated,
    "conditioned": Conditioned,
}


def as_ensemble(ensemble: str | AbstractEnsemble, **parameters) -> AbstractEnsemble:
    """The ensemble of a name, with those of `parameters` that are not `None`; an ensemble is returned as it is.

    **Raises:** `ValueError` for an unknown name or a parameter that the ensemble does not have.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    if isinstance(ensemble, AbstractEnsemble):
        if given:
            raise ValueError(f"`{next(iter(given))}` belongs inside {ensemble!r} when the ensemble is an object.")
        return ensemble
    if not isinstance(ensemble, str) or ensemble not in ENSEMBLES:
        raise ValueError(f"`ensemble` is {ensemble!r}; allowed: {', '.join(ENSEMBLES)}, or an AbstractEnsemble.")
    kind = ENSEMBLES[ensemble]
    for name in given:
        if name not in kind.__dataclass_fields__:
            raise ValueError(f"`{name}` is given, but the {ensemble} ensemble has no such parameter.")
    return kind(**given)
