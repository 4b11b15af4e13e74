r"""Predictions for spiked matrices and tensors as $n \to \infty$: transitions of eigenvectors, state evolution, thresholds.

Overlaps are squared cosines $q$ of an estimate and the signal. A prior with $F(\gamma) = E[\eta x]$ (`recover.priors`) has the fixed points
$\gamma = \lambda^2 F(\gamma)^{k-1}$, $q = F(\gamma)$: a curve $\lambda(\gamma)$, from which all thresholds are read.

Sources: Baik, Ben Arous and Péché (baik2005); Benaych-Georges and Nadakuditi (benaych2011); Montanari and Richard (richard2014);
Lesieur, Miolane, Lelarge, Krzakala and Zdeborová (lesieur2017); Lelarge and Miolane (lelarge2019).
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from ..scalar.channel_evolution import state_evolution
from ..scalar.channels import RankOneChannel
from ..scalar.priors import AbstractPrior, RademacherPrior

__all__ = [
    "spiked_covariance_overlap",
    "spiked_information_threshold",
    "spiked_matrix_overlap",
    "spiked_overlap",
    "spiked_spinodal",
    "spiked_state_evolution",
    "unfolding_overlap",
]

_LEAST, _MOST, _POINTS, _BISECTIONS = 1e-4, 1e3, 600, 40


def spiked_matrix_overlap(signal_strength: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The squared cosine $\max(0, 1 - \lambda^{-2})$ of the leading eigenvector of $\frac\lambda n x x^\top + W$ and $x$ (benaych2011, Section 3.1)."""
    require_interval("signal_strength", signal_strength, 0, math.inf, closed="neither")
    (strength,) = as_floats(signal_strength)
    return jnp.maximum(1 - strength**-2, 0)


def spiked_covariance_overlap(
    signal_strength: Real[ArrayLike, "..."], aspect: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The squared cosine of the leading eigenvector of a sample covariance and the spike $v$ of the covariance $I + \theta v v^\top$.

    $$\frac{1 - \gamma / \theta^2}{1 + \gamma / \theta} \quad (\theta > \sqrt\gamma), \text{ else } 0,$$

    with $\gamma$ the number of variables for every sample (benaych2011; baik2005 for the threshold).
    """
    require_interval("signal_strength", signal_strength, 0, math.inf, closed="neither")
    require_interval("aspect", aspect, 0, math.inf, closed="neither")
    strength, aspect = as_floats(signal_strength, aspect)
    return jnp.maximum(1 - aspect / strength**2, 0) / (1 + aspect / strength)


def unfolding_overlap(scaled_strength: Real[ArrayLike, "..."], symmetric: bool = True) -> Float[Array, "..."]:
    r"""The squared cosine of the leading left singular vector of the unfolding $M$ of order three and $v$, $\lambda = b\, n^{1/4}$:

    $\max(0, 1 - b^{-4})$ for independent noise, $\max(0, 1 - b^{-4} / 2)$ for `symmetric` noise.

    Off its diagonal $M M^\top$ of independent noise is a Wigner matrix in units of $\sqrt n$, and $\lambda^2$ a spike of strength $b^2$ in
    `spiked_matrix_overlap`; entries of symmetric noise have variance $1 / (2n)$ and every product stands twice, which halves its variance.
    """
    require_interval("scaled_strength", scaled_strength, 0, math.inf, closed="neither")
    (strength,) = as_floats(scaled_strength)
    return jnp.maximum(1 - strength**-4 / (2 if symmetric else 1), 0)


def spiked_state_evolution(
    signal_strength: Real[ArrayLike, "..."],
    start: Real[ArrayLike, "..."],
    steps: int = 10,
    prior: AbstractPrior | None = None,
    order: int = 2,
) -> Float[Array, "... steps"]:
    r"""The overlaps $q_1, \dots, q_T$ of message passing, $q_{t+1} = F(\lambda^2 q_t^{k-1})$.

    **Arguments:**

    - `signal_strength`: $\lambda > 0$.
    - `start`: $q_0 \in [0, 1]$.
    - `steps`: $T$, and `order`: $k$ (static).
    - `prior`: signs by default.

    Source: Montanari and Venkataramanan (montanari2021, Theorem 1); Montanari and Richard (richard2014, Theorem 4).
    """
    require_interval("signal_strength", signal_strength, 0, math.inf, closed="neither")
    require_interval("start", start, 0, 1, closed="both")
    strength, start = as_floats(signal_strength, start)
    channel = RankOneChannel(order=order)
    return state_evolution(_prior(prior), channel, sampling=strength**2, steps=steps, start=start)[..., 1:]


def spiked_overlap(
    signal_strength: Real[ArrayLike, "..."],
    prior: AbstractPrior | None = None,
    order: int = 2,
    informed: bool = False,
) -> Float[Array, "..."]:
    r"""The fixed point that state evolution reaches from $q = 0^+$, or from $q = 1$ if `informed`.

    For tensors the former is zero at every $\lambda$; for matrices up to $\lambda = 1$. The latter is that of the best estimator where
    $\lambda$ is above `spiked_information_threshold`. Found on a grid of $\gamma$ and refined by bisection: to 1e-6, near a jump to its width.

    **Arguments:** as for `spiked_state_evolution`; `informed` is static.
    """
    require_interval("signal_strength", signal_strength, 0, math.inf, closed="neither")
    (strength,) = as_floats(signal_strength)
    return _overlap(strength, _prior(prior), order, informed)


@eqx.filter_jit
def _overlap(strength, prior, order, informed):
    if order > 2 and not informed:
        return jnp.zeros_like(strength)
    grid = _grid(strength.dtype)
    curve = _log_strength(grid, prior, order)

    def solve(target):
        last = jnp.max(jnp.where(curve <= target, jnp.arange(_POINTS), -1))
        first = jnp.min(jnp.where(curve > target, jnp.arange(_POINTS), _POINTS)) - 1
        place = last if informed else first
        # Below the end of the grid of a matrix the curve starts at one.
        nothing = (place < 0) | ((order == 2) & ~jnp.asarray(informed) & (target <= 0))
        low = grid[jnp.clip(place, 0, _POINTS - 1)]
        high = grid[jnp.clip(place + 1, 0, _POINTS - 1)]

        def halve(_, ends):
            low, high = ends
            middle = (low + high) / 2
            above = _log_strength(middle[None], prior, order)[0] > target
            return jnp.where(above, low, middle), jnp.where(above, middle, high)

        low, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (low, high))
        return jnp.where(nothing, 0, prior.overlap(jnp.exp((low + high) / 2)[None])[0])

    return jnp.vectorize(solve)(jnp.log(strength))


def spiked_spinodal(prior: AbstractPrior | None = None, order: int = 2) -> Float[Array, ""]:
    r"""The least $\lambda$ at which a fixed point other than zero exists: below, message passing loses even the signal itself.

    It is 1 for matrices whose prior has no hard phase. Arguments: as for `spiked_state_evolution`.
    """
    return _spinodal(_prior(prior), order)


@eqx.filter_jit
def _spinodal(prior, order):
    return _at_most_one(jnp.min(_log_strength(_near_spinodal(prior, order), prior, order)), order)


def spiked_information_threshold(prior: AbstractPrior | None = None, order: int = 2) -> Float[Array, ""]:
    r"""The $\lambda$ from which the informed fixed point is the better one: where the potential

    $$i(q) = \frac{\lambda^2}{2k} \big( 1 - k q^{k-1} + (k - 1) q^k \big) + I(\lambda^2 q^{k-1})$$

    is the same there as at $q = 0$. Arguments: as for `spiked_state_evolution`. Sources: (lelarge2019); (lesieur2017) for tensors.
    """
    return _information_threshold(_prior(prior), order)


@eqx.filter_jit
def _information_threshold(prior, order):
    fine = _near_spinodal(prior, order)
    least = fine[jnp.argmin(_log_strength(fine, prior, order))]

    def gain(log_precision):
        precision = jnp.exp(log_precision)[None]
        q = prior.overlap(precision)
        return (prior.information(precision) - precision / 2 + (order - 1) / (2 * order) * precision * q)[0]

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        # Information is lost by leaving zero: not yet.
        loses = gain(middle) > 0
        return jnp.where(loses, middle, low), jnp.where(loses, high, middle)

    ends = least, jnp.asarray(math.log(_MOST), least.dtype)
    found = sum(jax.lax.fori_loop(0, _BISECTIONS, halve, ends)) / 2
    return _at_most_one(_log_strength(found[None], prior, order)[0], order)


def _at_most_one(log_strength, order):
    """Of matrices zero is unstable from one on, where the grid would have it a little later."""
    return jnp.exp(jnp.minimum(log_strength, 0) if order == 2 else log_strength)


def _prior(prior: AbstractPrior | None) -> AbstractPrior:
    return RademacherPrior() if prior is None else prior


def _grid(dtype):
    return jnp.linspace(math.log(_LEAST), math.log(_MOST), _POINTS, dtype=dtype)


def _log_strength(log_precision, prior, order):
    r"""$\log \lambda(\gamma)$ of the fixed points."""
    return (log_precision - (order - 1) * jnp.log(prior.overlap(jnp.exp(log_precision)))) / 2


def _near_spinodal(prior, order):
    """Logarithms of precisions around the one with the least signal strength, ever finer."""
    grid = _grid(jnp.zeros(()).dtype)
    for _ in range(3):
        place = jnp.argmin(_log_strength(grid, prior, order))
        low, high = grid[jnp.maximum(place - 1, 0)], grid[jnp.minimum(place + 1, grid.shape[0] - 1)]
        grid = low + (high - low) * jnp.linspace(0, 1, 101, dtype=grid.dtype)
    return grid
