r"""Predictions for phase retrieval with Gaussian matrices as $m, n \to \infty$ with $\delta = m / n$; real or complex data.

Overlaps are squared cosines $q$ of an estimate and the signal. Sources: Mondelli and Montanari (mondelli2019); Lu and Li (lu2020);
Luo, Alghamdi and Lu (luo2019); Barbier, Krzakala, Macris, Miolane and Zdeborová (barbier2019); Maillard, Loureiro, Krzakala and
Zdeborová (maillard2020); Dhifallah and Lu (dhifallah2017); Salehi, Abbasi and Hassibi (salehi2018).
"""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from ..scalar.channel_evolution import fixed_overlap
from ..scalar.channels import PhaselessChannel, moduli
from ..scalar.priors import SphericalPrior
from .starts import AbstractSpectralStart, OptimalSpectralStart

__all__ = [
    "phaseless_error",
    "phaseless_overlap",
    "phaseless_recovery_threshold",
    "phasemax_threshold",
    "spectral_overlap",
    "weak_recovery_threshold",
]

_BISECTIONS = 60
_TINY = 1e-12


def spectral_overlap(
    sampling: Real[ArrayLike, "..."], start: AbstractSpectralStart | None = None, complex_data: bool = False
) -> Float[Array, "..."]:
    r"""The squared cosine of a spectral start and the signal, for any bounded preprocessing $T$.

    With $\lambda$ the root above $\sup T$ of $E[T (|s|^2 - 1) / (\lambda - T)] = 1 / \delta$,

    $$q = \max\Big(0,\ \frac{1/\delta - E[T^2 / (\lambda - T)^2]}{1/\delta - E[T^2 / (\lambda - T)^2] + E[T^2 |s|^2 / (\lambda - T)^2]}\Big),$$

    where $T = T(|s|^2)$ and $s$ is standard normal.

    **Arguments:**

    - `sampling`: $\delta > 0$.
    - `start`: a start whose $T$ is bounded from above; `OptimalSpectralStart` by default. Static, like `complex_data`.

    **Returns:** $q$ in the shape of `sampling`; to 1e-4.

    **Raises:** `ValueError` for a concrete $\delta$ that is not positive, or an unbounded preprocessing.

    Sources: Lu and Li (lu2020, Theorem 1), here with its two equations resolved; Luo, Alghamdi and Lu (luo2019).
    """
    require_interval("sampling", sampling, 0, math.inf, closed="neither")
    (sampling,) = as_floats(sampling)
    start = OptimalSpectralStart() if start is None else start
    if not start.bounded:
        raise ValueError(
            f"spectral_overlap: `start` is {type(start).__name__}; one of bounded preprocessing is allowed."
        )
    return _spectral_overlaps(sampling, start, complex_data)


@eqx.filter_jit
def _spectral_overlaps(sampling, start, complex_data):
    return jnp.vectorize(functools.partial(_spectral_overlap, start=start, complex_data=complex_data))(sampling)


def _spectral_overlap(sampling, start, complex_data):
    dtype = sampling.dtype

    def level(share):
        share = jnp.asarray(share, dtype)
        return -jnp.log(share) if complex_data else ndtri(1 - share / 2) ** 2

    size, weights = moduli(complex_data, _breaks(start, level), dtype)
    y = size**2
    t = start.preprocess(y, level, sampling, 1 if complex_data else 2)
    top = jnp.max(t)

    def excess(gap):
        # Nodes come near the supremum, which is the largest of them or an intensity without bound.
        return jnp.sum(weights * t * (y - 1) / (top + gap - t)) - 1 / sampling

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        above = excess(jnp.exp(middle)) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    ends = jnp.asarray(math.log(1e-6), dtype), jnp.asarray(math.log(1e6), dtype)
    gap = jnp.exp(sum(jax.lax.fori_loop(0, _BISECTIONS, halve, ends)) / 2)
    share = t / (top + gap - t)
    left = 1 / sampling - jnp.sum(weights * share**2)
    # Without a root no eigenvalue leaves the bulk.
    outlying = (left > 0) & (excess(jnp.exp(ends[0])) > 0)
    return jnp.where(outlying, left / (left + jnp.sum(weights * share**2 * y)), 0)


def _breaks(start, level) -> list:
    """The moduli at which the preprocessing of a start jumps."""
    breaks = []
    if getattr(start, "share", None) is not None:
        breaks += [jnp.sqrt(level(start.share)), jnp.sqrt(level(1 - start.share))]
    if getattr(start, "threshold", None) is not None:
        breaks.append(jnp.asarray(start.threshold))
    return breaks


def phaseless_overlap(sampling: Real[ArrayLike, "..."], complex_data: bool = False) -> Float[Array, "..."]:
    r"""The overlap that message passing reaches from a start that knows little: the fixed point of

    $$\hat q = \frac{\delta}{V} \Big(1 - \frac{E\, v}{V}\Big), \qquad q = \frac{\hat q}{1 + \hat q}, \qquad V = 1 - q,$$

    with $v$ the posterior variance of $z$ of mean $w \sim N(0, q)$ and variance $V$ given $|z|$. Zero up to weak recovery, $1/2$
    of real and 1 of complex data; one from `phaseless_recovery_threshold` on.

    **Arguments:** `sampling` $\delta > 0$; `complex_data` is static.

    **Returns:** $q$ in the shape of `sampling`, of `recover.theory.fixed_overlap`.

    **Raises:** `ValueError` for a concrete $\delta$ that is not positive.

    Sources: Barbier et al. (barbier2019); Maillard et al. (maillard2020).
    """
    require_interval("sampling", sampling, 0, math.inf, closed="neither")
    (sampling,) = as_floats(sampling)
    return fixed_overlap(SphericalPrior(), PhaselessChannel(complex_data), sampling=sampling)


def phaseless_recovery_threshold(
    sampling_end: Real[ArrayLike, "..."] = 4.0, complex_data: bool = False
) -> Float[Array, "..."]:
    r"""Observations for every unknown from which message passing finds the signal: 1.128 of real, 2.03 of complex data.

    $$\delta = \max_q \frac{q}{1 - q} \Big/ \hat q_1(q),$$

    $\hat q_1$ that of one observation for every unknown. Information alone asks for 1 and 2 (maillard2020).

    **Arguments:** `sampling_end`: no more than these are looked for; `complex_data` is static.

    **Returns:** the threshold.
    """
    (end,) = as_floats(sampling_end)
    return jnp.minimum(jnp.max(_needed(complex_data, end.dtype)[1]), end)


@eqx.filter_jit
def _needed(complex_data: bool, dtype) -> tuple[Float[Array, " overlaps"], Float[Array, " overlaps"]]:
    """Overlaps, and the observations at which each is a fixed point."""
    overlaps = jnp.asarray(np.concatenate([np.linspace(2e-3, 0.95, 160), np.linspace(0.955, 0.999, 12)]), dtype)
    gained = jax.lax.map(PhaselessChannel(complex_data).precision, overlaps)
    return overlaps, overlaps / (1 - overlaps) / gained


def weak_recovery_threshold(noise: Real[ArrayLike, "..."], complex_data: bool = False) -> Float[Array, "..."]:
    r"""Observations for every unknown from which some estimate does better than chance, of intensities $y = |z|^2 + \sigma w$.

    $$\frac1\delta = \int \frac{\big(E[p(y | s) (|s|^2 - 1)]\big)^2}{E[p(y | s)]}\, \mathrm{d} y,$$

    $1/2$ of real and 1 of complex data as $\sigma \to 0$.

    **Arguments:** `noise` $\sigma \ge 0.1$; `complex_data` is static.

    **Returns:** $\delta$ in the shape of `noise`.

    **Raises:** `ValueError` for a concrete noise below 0.1, which the quadrature does not resolve.

    Source: Mondelli and Montanari (mondelli2019).
    """
    require_interval("noise", noise, 0.1, math.inf, closed="left")
    (noise,) = as_floats(noise)
    return _weak_recovery(noise, complex_data)


@eqx.filter_jit
def _weak_recovery(noise, complex_data):
    size, weights = moduli(complex_data, [0.5, 1.0, 3.0, 4.0], noise.dtype)
    square = size**2

    def one(noise):
        top = 30.0
        nodes, more = np.polynomial.legendre.leggauss(500)
        # More of them near zero, where the law of intensities is steep.
        grid = (jnp.asarray(nodes, noise.dtype) + 1) / 2
        y = -6 * noise + (top + 6 * noise) * grid**2
        steps = (top + 6 * noise) * grid * jnp.asarray(more, noise.dtype)
        likelihood = jnp.exp(-((y[:, None] - square[None, :]) ** 2) / (2 * noise**2)) / (noise * math.sqrt(2 * math.pi))
        chance = likelihood @ weights
        gained = likelihood @ (weights * (square - 1))
        return 1 / jnp.sum(steps * gained**2 / jnp.maximum(chance, _TINY))

    return jnp.vectorize(one)(noise)


def phasemax_threshold(cosine: Real[ArrayLike, "..."], complex_data: bool = False) -> Float[Array, "..."]:
    r"""Observations for every unknown from which PhaseMax recovers the signal from an anchor of cosine $\rho$.

    Of complex data $4 / \rho^2$; of real data the $\delta$ with $\pi / (\delta \tan(\pi / \delta)) = 1 - \rho^2$.

    **Arguments:** `cosine` $\rho$ in (0, 1]; `complex_data` is static.

    **Raises:** `ValueError` for a concrete cosine outside of (0, 1].

    Sources: Dhifallah and Lu (dhifallah2017) for real, Salehi, Abbasi and Hassibi (salehi2018) for complex data.
    """
    require_interval("cosine", cosine, 0, 1)
    (cosine,) = as_floats(cosine)
    return 4 / cosine**2 if complex_data else _phasemax(cosine)


@jax.jit
def _phasemax(cosine):
    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        above = middle / jnp.tan(middle) > 1 - cosine**2
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    # In u = pi / delta, of which u / tan(u) falls from one to zero.
    ends = jnp.full_like(cosine, 1e-4), jnp.full_like(cosine, math.pi / 2)
    return 2 * math.pi / sum(jax.lax.fori_loop(0, _BISECTIONS, halve, ends))


def phaseless_error(
    noise: Real[ArrayLike, "..."], sampling: Real[ArrayLike, "..."], complex_data: bool = False, oracle: bool = False
) -> Float[Array, "..."]:
    r"""The relative error of the least-squares fit of moduli under noise $\sigma$ (relative to their root mean square).

    With `oracle`, where phases are known, $\sigma \sqrt{n/m} / \sqrt{1 - n/m}$; of real data signs cost nothing more. Of complex data
    the fit has but the part of the noise along the phases, $2 \sigma \sqrt{n/m} / \sqrt{1 - 2 n/m}$.

    **Arguments:** `noise` $\sigma \ge 0$ and `sampling` $\delta = m / n$, above 2 for complex data without an oracle, else above 1;
    `complex_data` and `oracle` are static.

    **Raises:** `ValueError` for concrete numbers outside of these ranges.

    Source: least squares with $m$ real equations in $n$ real unknowns, or $2 n$; to first order in the noise.
    """
    parts = 2 if complex_data and not oracle else 1
    require_interval("noise", noise, 0, math.inf, closed="left")
    require_interval("sampling", sampling, parts, math.inf, closed="neither")
    noise, sampling = jnp.broadcast_arrays(*as_floats(noise, sampling))
    return parts * noise / jnp.sqrt(sampling - parts)
