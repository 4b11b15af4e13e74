"""Where solvers of phaseless problems start: leading eigenvectors, and what they are compared with."""

import abc
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key

from ..core import draws, lanczos
from ..core.checks import Rule
from ..core.directions import at_cosine
from ..core.fields import AbstractModule, Real, Whole, count, integer, leaf
from ..core.numbers import ratio, unit
from ..core.selection import largest_value
from .phases import times
from .problem import PhaselessProblem

__all__ = [
    "AbstractPhaselessStart",
    "AbstractSpectralStart",
    "ChosenStart",
    "CorrelatedStart",
    "MinimalThresholdStart",
    "NullStart",
    "OptimalSpectralStart",
    "OrthogonalityPromotingStart",
    "RandomSignal",
    "SpectralStart",
    "TruncatedSpectralStart",
    "WeightedSpectralStart",
]

Level = Callable[[Float[Array, ""]], Float[Array, ""]]


class AbstractPhaselessStart(AbstractModule):
    r"""A rule for the signal that an iteration starts from, of norm $\sqrt{\overline{b^2}}$, which is about that of the truth."""

    @abc.abstractmethod
    def __call__(self, problem: PhaselessProblem, key: Key[Array, ""]) -> Inexact[Array, " dimension"]:
        """The signal."""


class RandomSignal(AbstractPhaselessStart):
    """A uniformly random direction: a start that has seen no data but their size."""

    def __call__(self, problem, key):
        """A normal vector, rescaled."""
        return _scaled(problem, _normal(problem, key))


class CorrelatedStart(AbstractPhaselessStart):
    r"""A random vector whose cosine with the signal is $\rho$, where the problem knows the signal: for exploring basins."""

    cosine: Real = leaf(0.9, "closed probability")

    def __call__(self, problem, key):
        """The signal and a random direction orthogonal to it."""
        if problem.oracle is None:
            raise ValueError(
                "CorrelatedStart: the problem has no `known_signal`; one is needed (`reveal_signal=True` of the model)."
            )
        return _scaled(problem, at_cosine(problem.oracle, _normal(problem, key), self.cosine))


class AbstractSpectralStart(AbstractPhaselessStart):
    r"""The eigenvector of the largest eigenvalue (not the largest in modulus) of

    $$\frac1m \sum_i T(y_i)\, a_i a_i^*, \qquad y_i = b_i^2 / \overline{b^2},$$

    by Lanczos iteration with full orthogonalisation, in products with $A$ and $A^*$ alone. `steps` is how many, at most the
    dimension, with which it is exact. `bounded` says whether $T$ is, from above: only then has the eigenvector a limit.
    """

    bounded: ClassVar[bool] = True

    steps: int = count(2, default=60)

    @abc.abstractmethod
    def preprocess(
        self, y: Float[Array, " rows"], level: Level, sampling: Float[Array, ""], dispersion: int
    ) -> Float[Array, " rows"]:
        r"""$T(y)$; `level(s)` is the one that a share $s$ of the intensities exceeds, `dispersion` 2 for real and 1 for complex data."""

    def __call__(self, problem, key):
        """The leading eigenvector."""
        return leading_eigenvector(problem, weights_of(self, problem), key, self.steps)


class SpectralStart(AbstractSpectralStart):
    """$T(y) = y$, of Wirtinger flow (candes2015)."""

    bounded: ClassVar[bool] = False

    def preprocess(self, y, level, sampling, dispersion):
        """The intensity."""
        return y


class TruncatedSpectralStart(AbstractSpectralStart):
    r"""$T(y) = y\, 1\{y \le \alpha^2\}$, of truncated Wirtinger flow (chen2017)."""

    threshold: Real = leaf(3.0, "positive")

    def preprocess(self, y, level, sampling, dispersion):
        """The intensity, up to the threshold."""
        return jnp.where(y <= self.threshold**2, y, 0)


class OrthogonalityPromotingStart(AbstractSpectralStart):
    r"""$T(y) = 1$ for a share of the largest intensities, of truncated amplitude flow (wang2018)."""

    share: Real = leaf(1 / 6, "probability")

    def preprocess(self, y, level, sampling, dispersion):
        """One or zero."""
        return jnp.where(y >= level(self.share), 1.0, 0.0).astype(y.dtype)


class WeightedSpectralStart(AbstractSpectralStart):
    r"""$T(y) = y^{p}$ for a share of the largest intensities: weighted maximal correlation, of reweighted amplitude flow (wang2017)."""

    bounded: ClassVar[bool] = False

    share: Real = leaf(3 / 13, "probability")
    power: Real = leaf(0.25, "nonnegative")

    def preprocess(self, y, level, sampling, dispersion):
        """A power, or zero."""
        return jnp.where(y >= level(self.share), y**self.power, 0)


class MinimalThresholdStart(AbstractSpectralStart):
    r"""$T(y) = (y - 1) / (y + \sqrt{c \delta} - 1)$, $c$ the dispersion, which sees the signal from the smallest $\delta$ on.

    Source: Mondelli and Montanari (mondelli2019). Below weak recovery, $c \delta < 1$, it is that at the threshold.
    """

    def preprocess(self, y, level, sampling, dispersion):
        """A rational function of the intensity."""
        # Exactly at the threshold the denominator vanishes for an intensity of zero.
        ends = jnp.sqrt(jnp.maximum(dispersion * sampling, 1.0001))
        return (y - 1) / (y + ends - 1)


class OptimalSpectralStart(AbstractSpectralStart):
    r"""$T(y) = \max(1 - 1 / y, t)$, which has the largest overlap at every $\delta$ for $t = -\infty$ (luo2019).

    A lower `floor` $t$ gains little and takes more steps: with -50 sixty are too few of 400 unknowns, with -10 they are enough.
    """

    floor: Real = leaf(-10.0, Rule("a negative number", lambda value: value < 0))

    def preprocess(self, y, level, sampling, dispersion):
        """The inverse of the intensity, from one."""
        return jnp.maximum(1 - ratio(1, y, jnp.inf), self.floor)


class NullStart(AbstractSpectralStart):
    r"""$T(y) = -1$ for a share of the smallest intensities: the direction that they are most nearly orthogonal to (duchi2019)."""

    share: Real = leaf(0.5, "probability")

    def preprocess(self, y, level, sampling, dispersion):
        """Minus one or zero."""
        return jnp.where(y <= level(1 - self.share), -1.0, 0.0).astype(y.dtype)


class ChosenStart(AbstractPhaselessStart):
    r"""One of several starts with a traced number: a sweep over kinds of starts is one program, with one eigenvector.

    - `choice`: from 0 to the number of starts less one.
    - `starts`: spectral and random ones; the steps are those of the largest number.

    **Raises:** `ValueError` for a number that is none of these.
    """

    choice: Whole = integer(0, most="last")
    starts: tuple[AbstractPhaselessStart, ...]

    @property
    def last(self) -> int:
        """The number of the last start."""
        return len(self.starts) - 1

    def __call__(self, problem, key):
        """The start that is chosen."""
        spectral = [isinstance(each, AbstractSpectralStart) for each in self.starts]
        chosen = jnp.asarray(self.choice)
        none = jnp.zeros_like(problem.observations)
        weights = [
            weights_of(each, problem) if isinstance(each, AbstractSpectralStart) else none for each in self.starts
        ]
        steps = [each.steps for each in self.starts if isinstance(each, AbstractSpectralStart)]
        if not steps:
            return jax.lax.select_n(chosen, *(each(problem, key) for each in self.starts))
        found = leading_eigenvector(problem, jax.lax.select_n(chosen, *weights), key, max(steps))
        each = [found if known else start(problem, key) for known, start in zip(spectral, self.starts, strict=True)]
        return jax.lax.select_n(chosen, *each)


def weights_of(start: AbstractSpectralStart, problem: PhaselessProblem) -> Float[Array, " rows"]:
    """The weights of the rows, of the data and their quantiles."""
    y = problem.observations**2 * ratio(1, problem.power)

    def level(share):
        # Padding is zero, and last when counting from the largest.
        return largest_value(y, jnp.ceil(share * problem.count).astype(jnp.int32))

    return start.preprocess(y, level, problem.sampling, 1 if problem.complex_data else 2)


def leading_eigenvector(
    problem: PhaselessProblem, weights: Float[Array, " rows"], key: Key[Array, ""], steps: int
) -> Inexact[Array, " dimension"]:
    r"""The eigenvector of the largest eigenvalue of $A^* \operatorname{diag}(w) A$, rescaled, by Lanczos iteration."""

    def product(vector):
        return problem.back_projection(times(weights / problem.count, problem.products(vector)))

    return _scaled(problem, lanczos.leading_eigenvector(product, _normal(problem, key), steps))


def _normal(problem: PhaselessProblem, key) -> Inexact[Array, " dimension"]:
    drawn = draws.complex_normal if problem.complex_data else draws.normal
    return drawn(key, (problem.dimension,)).astype(problem.signal_dtype)


def _scaled(problem: PhaselessProblem, direction: Inexact[Array, " dimension"]) -> Inexact[Array, " dimension"]:
    return times(jnp.sqrt(problem.power), unit(direction))
