r"""When bias adaptation finds planted features: the resonance band, the width it takes, and what chance would find.

$n$ features in $\mathbb{R}^d$, supports of size $s$, so that a feature occurs with frequency $f = s / n$; $M$ neurons that are
active with frequency $p$. Constants of the theory are not sharp. Source: Chen, Sheen, Xiong, Wang and Yang, arXiv:2506.14002
(chen2025, Theorem 6.1 of the version of ICLR 2026), as public notes state it.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import betainc
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["ResonanceBand", "chance_recovery", "coupon_recovery", "resonance_band", "sufficient_width"]


class ResonanceBand(NamedTuple):
    """Edges of the frequencies at which neurons recover features: one below, and three above, the least of which counts."""

    lower: Float[Array, "..."]
    crowding: Float[Array, "..."]
    overlap: Float[Array, "..."]
    dimension: Float[Array, "..."]

    @property
    def upper(self) -> Float[Array, "..."]:
        """The least of the upper edges."""
        return jnp.minimum(jnp.minimum(self.crowding, self.overlap), self.dimension)


def resonance_band(
    features: Real[ArrayLike, "..."], active: Real[ArrayLike, "..."], dimension: Real[ArrayLike, "..."]
) -> ResonanceBand:
    r"""Frequencies $p$ with $n^{-1} \lesssim p \lesssim \min\{ n^{-(1 + 1/s)/2},\; n^{-2/s},\; d/n \}$, the slacks set to zero.

    In units of $f = s/n$ the edges are $1/s$ and $n^{(1 - 1/s)/2}/s$, $n^{1 - 2/s}/s$, $d/s$.
    """
    for name, value in (("features", features), ("active", active), ("dimension", dimension)):
        require_interval(name, value, 0, np.inf, closed="neither")
    n, s, d = jnp.broadcast_arrays(*as_floats(features, active, dimension))
    return ResonanceBand(1 / n, n ** (-(1 + 1 / s) / 2), n ** (-2 / s), jnp.minimum(d / n, 1))


def sufficient_width(
    features: Real[ArrayLike, "..."],
    active: Real[ArrayLike, "..."],
    frequency: Real[ArrayLike, "..."],
    slack: float = 0.0,
) -> Float[Array, "..."]:
    r"""The number of neurons, up to a constant, from which all features are found: $M \gtrsim n\, p^{-s/(1-\epsilon)^2}$.

    Linear in the features and exponential in the size of supports.
    """
    require_interval("frequency", frequency, 0, 1)
    n, s, p = jnp.broadcast_arrays(*as_floats(features, active, frequency))
    return n * p ** (-s / (1 - slack) ** 2)


def coupon_recovery(ratio: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""Share of features found when every one of $M$ neurons finds one at random: $1 - e^{-M/n}$ for the ratio $M/n$."""
    (ratio,) = as_floats(ratio)
    return -jnp.expm1(-ratio)


def chance_recovery(
    dimension: Real[ArrayLike, "..."], width: Real[ArrayLike, "..."], level: Real[ArrayLike, "..."] = 0.9
) -> Float[Array, "..."]:
    r"""Share of directions with a cosine above $\tau$ to one of $M$ uniformly random ones.

    $$1 - (1 - P)^M, \qquad P = \tfrac12 I_{1 - \tau^2}\big(\tfrac{d-1}{2}, \tfrac12\big),$$

    with the regularised incomplete beta function: what a recovery rate must exceed to mean anything.
    """
    require_interval("dimension", dimension, 1, np.inf, closed="neither")
    require_interval("level", level, 0, 1, closed="left")
    d, m, tau = jnp.broadcast_arrays(*as_floats(dimension, width, level))
    share = betainc((d - 1) / 2, jnp.full_like(d, 0.5), 1 - tau**2) / 2
    return -jnp.expm1(m * jnp.log1p(-share))
