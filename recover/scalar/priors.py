r"""Laws of an entry $x$ with $E x^2 = 1$, seen through the scalar channel $h = \gamma x + \sqrt\gamma z$, $z \sim N(0, 1)$.

Every estimation problem whose state evolution is that of such a channel, whatever its family, asks a prior for the posterior mean,
for $E[\eta x]$ and for the mutual information.
"""

import abc

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import AbstractModule, Real, leaf
from ..core.numbers import norm, ratio

__all__ = ["AbstractPrior", "RademacherPrior", "SphericalPrior"]

# Nodes of the trapezoidal rule on the range in which the normal law has all its mass.
_NODES, _END = 1001, 9.0


class AbstractPrior(AbstractModule):
    r"""The law of the entries of an unknown vector, of unit second moment, and what is learnt of one from $h = \gamma x + \sqrt\gamma z$."""

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], size: int) -> Float[Array, " size"]:
        """A vector of the law."""

    @abc.abstractmethod
    def posterior(
        self, h: Float[Array, " size"], precision: Float[Array, ""]
    ) -> tuple[Float[Array, " size"], Float[Array, " size"]]:
        r"""The posterior mean $\eta(h; \gamma)$, entry by entry, and its derivative in $h$, which is the posterior variance."""

    @abc.abstractmethod
    def overlap(self, precision: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$F(\gamma) = E[\eta(h; \gamma) x] = 1 - \mathrm{mmse}(\gamma)$."""

    @abc.abstractmethod
    def information(self, precision: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""The mutual information $I(\gamma)$ of $x$ and $h$ in nats."""


class SphericalPrior(AbstractPrior):
    r"""A uniformly random direction of norm $\sqrt n$, in the limit entries that are standard normal.

    $F = \gamma / (1 + \gamma)$, $I = \log(1 + \gamma) / 2$. The posterior mean is $h$, rescaled to the norm $\sqrt{F n}$
    that state evolution predicts: with the factor $1 / (1 + \gamma)$, equal in the limit, norms of small tensors drift.
    """

    def draw(self, key, size):
        """A normal vector, rescaled."""
        vector = draws.normal(key, (size,))
        return vector * (np.sqrt(size).astype(vector.dtype) / norm(vector))

    def posterior(self, h, precision):
        """A multiple of h."""
        factor = ratio(jnp.sqrt(self.overlap(precision) * h.shape[0]), norm(h))
        return factor * h, jnp.full_like(h, factor)

    def overlap(self, precision):
        """A rational function."""
        return precision / (1 + precision)

    def information(self, precision):
        """A logarithm."""
        return jnp.log1p(precision) / 2


class RademacherPrior(AbstractPrior):
    r"""Zero with probability $1 - \rho$, else $\pm 1 / \sqrt\rho$; signs for $\rho = 1$.

    With $a = 1 / \sqrt\rho$ and $\pi$ the posterior probability of being nonzero, $\eta = \pi a \tanh(a h)$ and the posterior
    variance is $\pi a^2 - \eta^2$. Expectations are trapezoidal sums.

    - `density`: $\rho \in (0, 1]$.
    """

    density: Real = leaf(1.0, "share")

    def draw(self, key, size):
        r"""Signs on a random subset of $\rho n$ coordinates, rounded: a number without the spread of independent draws."""
        key_sign, key_support = draws.split(key)
        signs = draws.signs(key_sign, (size,))
        density = jnp.asarray(self.density, signs.dtype)
        number = jnp.maximum(jnp.round(density * size), 1).astype(jnp.int32)
        there = draws.random_support(key_support, size, number)
        return jnp.where(there, signs * jax.lax.rsqrt(density), 0)

    def posterior(self, h, precision):
        """The two atoms against the one at zero."""
        density = jnp.asarray(self.density, h.dtype)
        size = jax.lax.rsqrt(density)
        log_odds = jnp.log(density) - jnp.log1p(-density) + _log_cosh(size * h) - precision / density / 2
        nonzero, sign = jax.nn.sigmoid(log_odds), jnp.tanh(size * h)
        return nonzero * size * sign, nonzero / density * (1 - nonzero * sign**2)

    def overlap(self, precision):
        """Of the atoms that are not zero, which are alike."""
        precision, z, weights = _nodes(precision)
        size = jax.lax.rsqrt(jnp.asarray(self.density, z.dtype))
        mean, _ = self.posterior(precision * size + jnp.sqrt(precision) * z, precision)
        return jnp.sum(weights * mean, axis=-1) / size

    def information(self, precision):
        r"""$\gamma / 2 - E \log E_x \exp(h x - \gamma x^2 / 2)$."""
        precision, z, weights = _nodes(precision)
        density = jnp.asarray(self.density, z.dtype)
        noise = jnp.sqrt(precision) * z

        def evidence(h):
            atoms = jnp.log(density) + _log_cosh(h * jax.lax.rsqrt(density)) - precision / density / 2
            return jnp.logaddexp(jnp.log1p(-density), atoms)

        mean = (1 - density) * evidence(noise) + density * evidence(precision * jax.lax.rsqrt(density) + noise)
        return jnp.sum(weights * (precision / 2 - mean), axis=-1)


def _log_cosh(x: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.abs(x) + jnp.log1p(jnp.exp(-2 * jnp.abs(x))) - np.log(2).astype(x.dtype)


def _nodes(precision: Float[Array, "..."]):
    """The argument with a further axis, along which nodes and weights of the normal law are laid out."""
    z = jnp.linspace(-_END, _END, _NODES, dtype=precision.dtype).reshape((1,) * precision.ndim + (-1,))
    weights = jnp.exp(-(z**2) / 2)
    return precision[..., None], z, weights / jnp.sum(weights)
