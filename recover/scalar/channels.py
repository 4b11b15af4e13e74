r"""Channels $P(y \mid z)$ of one observation, and what it tells about $z \sim N(0, 1)$ beyond what is known.

Where the overlap $q$ is known, $z = w + \sqrt{V} u$ with $w \sim N(0, q)$ given, $V = 1 - q$ and $u \sim N(0, 1)$. With
$Z(y \mid w) = E_u P(y \mid w + \sqrt V u)$, an observation adds

$$J(q) = E_w \int \frac{(\partial_w Z(y \mid w))^2}{Z(y \mid w)}\, \mathrm{d} y$$

to the precision of what is known of every unknown that it depends on. Channels that can be observed also draw observations and have the
output function of message passing, $g = \partial_w \log Z(y \mid w)$. Sources: Rangan (rangan2011); Barbier, Krzakala, Macris, Miolane
and Zdeborová (barbier2019).
"""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, i0e, i1e, log_ndtr
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import AbstractModule, Real, leaf
from . import gaussian

__all__ = [
    "AbstractChannel",
    "AbstractObservedChannel",
    "GaussianChannel",
    "LogisticChannel",
    "PhaselessChannel",
    "PoissonChannel",
    "RankOneChannel",
    "SignChannel",
]

# Nodes for w, over its whole mass, and for u.
_NODES, _END, _INNER = 401, 9.0, 61
# Nodes for u given an observation: a likelihood may be a tenth as wide as what is known.
_GIVEN = 161
# Counts up to which a Poisson law of mean exp(z) is summed: z stays below 5 but for three in ten million.
_COUNTS = 220
_TINY = 1e-30
# Beyond these the Gaussian law and the exponential one have no mass to speak of.
_GAUSSIAN_END, _RAYLEIGH_END = 9.0, 7.0


class AbstractChannel(AbstractModule):
    """How one observation depends on its linear form."""

    @abc.abstractmethod
    def precision(self, overlap: Float[Array, ""]) -> Float[Array, ""]:
        r"""$J(q)$ at an overlap in [0, 1)."""


class AbstractObservedChannel(AbstractChannel):
    r"""A channel from which observations are drawn, one for every linear form, with what an observation says of its form.

    Arrays are of one shape, that of the observations.
    """

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], z: Float[Array, " rows"]) -> Float[Array, " rows"]:
        r"""Observations $y_i \sim P(\cdot \mid z_i)$, independent."""

    @abc.abstractmethod
    def score(
        self, y: Float[Array, " rows"], mean: Float[Array, " rows"], variance: Float[Array, ""]
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
        r"""The output function $g = \partial_w \log Z(y \mid w)$ under $z \sim N(w, V)$, and $-\partial_w g$."""

    def posterior(
        self, y: Float[Array, " rows"], mean: Float[Array, " rows"], variance: Float[Array, ""]
    ) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
        r"""Mean $w + V g$ and variance $V + V^2 \partial_w g$ of $z$ given $y$, under $z \sim N(w, V)$."""
        slope, sharpness = self.score(y, mean, variance)
        return mean + variance * slope, variance - variance**2 * sharpness


class GaussianChannel(AbstractObservedChannel):
    r"""$y = z + \sigma w$: $J = 1 / (1 - q + \sigma^2)$."""

    noise: Real = leaf(0.0, "standard deviation")

    def precision(self, overlap):
        """Of what is not known and the noise together."""
        return 1 / (1 - overlap + jnp.asarray(self.noise, overlap.dtype) ** 2)

    def draw(self, key, z):
        """With noise."""
        return z + jnp.asarray(self.noise, z.dtype) * draws.normal(key, z.shape).astype(z.dtype)

    def score(self, y, mean, variance):
        """Linear."""
        total = variance + jnp.asarray(self.noise, mean.dtype) ** 2
        return (y - mean) / total, jnp.full_like(mean, 1 / total)


class SignChannel(AbstractObservedChannel):
    r"""$y = \mathrm{sign}(z + \sigma w)$. With $t = w / \sqrt{V + \sigma^2}$,

    $$J = \frac{1}{V + \sigma^2} E_t \frac{\varphi(t)^2}{\Phi(t) \Phi(-t)}.$$
    """

    noise: Real = leaf(0.0, "standard deviation")

    def precision(self, overlap):
        """On a grid of t that resolves overlaps near one."""
        spread = 1 - overlap + jnp.asarray(self.noise, overlap.dtype) ** 2
        t = jnp.linspace(-14, 14, 4001, dtype=overlap.dtype)
        # Of what is nearly known the law of t is wide, and what is integrated has a width of one.
        law = jnp.exp(-(t**2) * spread / (2 * jnp.maximum(overlap, _TINY)))
        law = law * jnp.sqrt(spread / (2 * math.pi * jnp.maximum(overlap, _TINY)))
        told = jnp.exp(-(t**2) - log_ndtr(t) - log_ndtr(-t)) / (2 * math.pi)
        atom = 2 / math.pi
        narrow = overlap < 1e-3 * spread
        return jnp.where(narrow, atom, jnp.sum(law * told) * (t[1] - t[0])) / spread

    def draw(self, key, z):
        """Signs, 1 at zero."""
        noisy = z + jnp.asarray(self.noise, z.dtype) * draws.normal(key, z.shape).astype(z.dtype)
        return jnp.where(noisy >= 0, 1, -1).astype(z.dtype)

    def score(self, y, mean, variance):
        r"""$g = y \varphi(t) / (\Phi(t) \sqrt{V + \sigma^2})$ with $t = y w / \sqrt{V + \sigma^2}$."""
        spread = jnp.sqrt(variance + jnp.asarray(self.noise, mean.dtype) ** 2)
        t = y * mean / spread
        odds = jnp.exp(-(t**2) / 2 - gaussian.LOG_SQRT_2PI - log_ndtr(t))
        return y * odds / spread, odds * jnp.maximum(odds + t, 0) / spread**2


class _Counted(AbstractObservedChannel):
    """A channel with a law on few outcomes."""

    nodes: ClassVar[int] = _NODES

    @abc.abstractmethod
    def outcomes(self, dtype) -> Float[Array, " outcomes"]:
        """The outcomes, in the order of `log_law`."""

    @abc.abstractmethod
    def log_likelihood(self, y: Float[Array, "..."], z: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\log P(y \mid z)$ up to a function of y."""

    def draw(self, key, z):
        """By inversion of the distribution function."""
        levels = jnp.cumsum(jnp.exp(self.log_law(z[:, None])[0]), axis=1)
        # Strictly below: where rounding leaves the last levels equal, the first of them counts.
        below = levels < draws.uniform(key, z.shape).astype(z.dtype)[:, None] * levels[:, -1:]
        return self.outcomes(z.dtype)[jnp.sum(below, axis=1, dtype=jnp.int32)]

    def score(self, y, mean, variance):
        """By the trapezoidal rule over what is known."""
        u, weights = _normal_nodes(_GIVEN, mean.dtype)
        spread = jnp.sqrt(variance)

        def moments(y, mean):
            law = jax.nn.softmax(self.log_likelihood(y, mean + spread * u) + jnp.log(weights))
            first = law @ u
            return first, law @ (u - first) ** 2

        first, second = jax.vmap(moments)(y, mean)
        return first / spread, (1 - second) / variance

    @abc.abstractmethod
    def log_law(
        self, z: Float[Array, "nodes 1"]
    ) -> tuple[Float[Array, "nodes outcomes"], Float[Array, "nodes outcomes"]]:
        """Logarithms of the probabilities of all outcomes, and their derivatives."""

    def precision(self, overlap):
        """By sums over nodes of w, of u and over outcomes."""
        w, weights = _normal_nodes(self.nodes, overlap.dtype)
        inner, shares = _normal_nodes(_INNER, overlap.dtype)
        z = jnp.sqrt(overlap) * w[:, None] + jnp.sqrt(1 - overlap) * inner[None, :]
        log_law, slope = self.log_law(z.reshape(-1, 1))
        law = jnp.exp(log_law)
        law, moved = (each.reshape(*z.shape, -1) for each in (law, law * slope))
        chance = jnp.einsum("wuo,u->wo", law, shares)
        change = jnp.einsum("wuo,u->wo", moved, shares)
        return weights @ jnp.sum(change**2 / jnp.maximum(chance, _TINY), axis=1)


class LogisticChannel(_Counted):
    r"""$P(y = \pm 1 \mid z) = 1 / (1 + e^{\mp g z})$.

    - `slope`: $g$.
    """

    slope: Real = leaf(1.0, "nonnegative")

    def outcomes(self, dtype):
        """1 and -1."""
        return jnp.asarray([1, -1], dtype)

    def log_likelihood(self, y, z):
        """Of a label."""
        return -jnp.logaddexp(0, -jnp.asarray(self.slope, z.dtype) * y * z)

    def log_law(self, z):
        """The two labels."""
        slope = jnp.asarray(self.slope, z.dtype)
        signed = slope * jnp.concatenate([z, -z], axis=1)
        odds = -jnp.logaddexp(0, -signed)
        return odds, jnp.stack([slope, -slope])[None, :] * jnp.exp(-jnp.logaddexp(0, signed))


class PoissonChannel(_Counted):
    r"""Counts of mean $e^z$; those of z beyond 5 are cut off at 219."""

    # What counts tell varies as slowly as their mean.
    nodes: ClassVar[int] = 121

    def outcomes(self, dtype):
        """Counts from zero."""
        return jnp.arange(_COUNTS, dtype=dtype)

    def log_likelihood(self, y, z):
        """Of a count."""
        return y * z - jnp.exp(z)

    def log_law(self, z):
        """Up to 220 counts."""
        counts = jnp.arange(_COUNTS, dtype=z.dtype)[None, :]
        return counts * z - jnp.exp(z) - gammaln(counts + 1), counts - jnp.exp(z)


class PhaselessChannel(AbstractChannel):
    r"""$y = |z|$, real or complex: $J = (1 - E v / V) / V$ with $v$ the variance of $z$ once $|z|$ is known too.

    - `complex_data`: whether $z$ is complex, of unit variance (static).
    """

    complex_data: bool = eqx.field(static=True, default=False)

    def precision(self, overlap):
        """By quadrature on a grid around the mean."""
        variance = 1 - overlap
        at, weights = moduli(self.complex_data, [], overlap.dtype, 60)
        mean = jnp.sqrt(overlap) * at[:, None]
        # The modulus around the mean, on a grid of its own width.
        nodes, more = np.polynomial.legendre.leggauss(80)
        width = 7 * jnp.sqrt(variance)
        low = jnp.maximum(mean - width, 0) if self.complex_data else mean - width
        half = (mean + width - low) / 2
        size = low + half * jnp.asarray(nodes + 1, overlap.dtype)[None, :]
        apart = (size - mean) ** 2 / variance
        if self.complex_data:
            k = 2 * size * mean / variance
            density = 2 * size / variance * jnp.exp(-apart) * i0e(k)
            spread = 1 - (i1e(k) / i0e(k)) ** 2
        else:
            density = jnp.exp(-apart / 2) / jnp.sqrt(2 * math.pi * variance)
            spread = 1 - jnp.tanh(size * mean / variance) ** 2
        average = jnp.sum(half * jnp.asarray(more, overlap.dtype)[None, :] * density * size**2 * spread, axis=1)
        return (1 - jnp.sum(weights * average) / variance) / variance


class RankOneChannel(AbstractChannel):
    r"""A tensor of order $k$ with a spike of strength $\lambda$ in Gaussian noise: $J = \lambda^2 q^{k-1}$, at a sampling of one.

    - `order`: $k$ (static).
    """

    strength: Real = leaf(1.0, "positive")
    order: int = eqx.field(static=True, default=2)

    def precision(self, overlap):
        """A monomial."""
        return jnp.asarray(self.strength, overlap.dtype) ** 2 * overlap ** (self.order - 1)


def moduli(
    complex_data: bool, breaks: list, dtype, nodes: int = 120
) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Nodes and weights for the law of the modulus of a standard normal number, between points where a function breaks."""
    end = _RAYLEIGH_END if complex_data else _GAUSSIAN_END
    ends = jnp.sort(jnp.stack([jnp.asarray(each, dtype) for each in (0.0, *breaks, 2.0, end)]))
    at, weights = np.polynomial.legendre.leggauss(nodes)
    half = (ends[1:] - ends[:-1])[:, None] / 2
    size = (ends[:-1, None] + half * jnp.asarray(at + 1, dtype)[None, :]).reshape(-1)
    density = 2 * size * jnp.exp(-(size**2)) if complex_data else math.sqrt(2 / math.pi) * jnp.exp(-(size**2) / 2)
    weights = (half * jnp.asarray(weights, dtype)[None, :]).reshape(-1) * density
    return size, weights / jnp.sum(weights)


def _normal_nodes(count: int, dtype) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    """Nodes of the trapezoidal rule, and weights of a standard normal law that add up to one."""
    z = jnp.linspace(-_END, _END, count, dtype=dtype)
    weights = gaussian.density(z)
    return z, weights / jnp.sum(weights)
