r"""State evolution of soft thresholding: the error of AMP at every step, and of the LASSO.

Throughout $y = A x_0 + w$ with $A_{ij} \sim N(0, 1/m)$ independent, $w \sim N(0, \sigma^2 I_m)$, $\delta =
m/n$, $\rho = k/m$, and coordinates of $x_0$ drawn from $(1-\varepsilon)\,\delta_0 + \varepsilon P$ with
density $\varepsilon = \rho\delta$ and $P$ the law of the nonzero amplitudes: `"gaussian"` N(0, 1), `"signs"`
±1, `"uniform"` on [-1, 1], `"nonnegative"` |N(0, 1)|.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.root import find_root
from ..core.theory_arguments import as_floats, require_interval
from . import gaussian
from .minimax import minimise_from_zero

__all__ = [
    "LassoPrediction",
    "lasso_calibration",
    "lasso_minimum_mse",
    "soft_threshold_active_fraction",
    "soft_threshold_fixed_point",
    "soft_threshold_mse",
    "soft_threshold_state_evolution",
]

_SECOND_MOMENT = {"gaussian": 1.0, "nonnegative": 1.0, "signs": 1.0, "uniform": 1 / 3}
# Below this effective variance everything is zero for practical purposes, and its square root still has a derivative.
_SMALLEST_VARIANCE = 1e-20


class LassoPrediction(NamedTuple):
    r"""What state evolution says about the LASSO at one threshold multiplier; every field has the broadcast shape.

    - `threshold`: the multiplier $\alpha$ of the effective noise level.
    - `penalty`: $\lambda$ of $\tfrac12\|y - Ax\|^2 + \lambda\|x\|_1$ with the same estimate.
    - `mse`: $E\|\hat x - x_0\|^2 / n$.
    - `effective_variance`: $\tau^2$ at the fixed point.
    - `active_fraction`: $E\|\hat x\|_0 / n$.
    """

    threshold: Float[Array, "..."]
    penalty: Float[Array, "..."]
    mse: Float[Array, "..."]
    effective_variance: Float[Array, "..."]
    active_fraction: Float[Array, "..."]


def soft_threshold_mse(
    effective_variance: Real[ArrayLike, "..."],
    threshold: Real[ArrayLike, "..."],
    density: Real[ArrayLike, "..."],
    amplitudes: str = "gaussian",
    nonnegative: bool = False,
) -> Float[Array, "..."]:
    r"""The error of soft thresholding a sparse coordinate in Gaussian noise.

    $$E\,(\eta(X + \tau Z; \alpha\tau) - X)^2, \qquad \eta(v; t) = \mathrm{sign}(v)(|v| - t)_+,$$

    or $\eta(v; t) = (v - t)_+$ with `nonnegative`. Closed form for `"gaussian"` and `"signs"`, Gauss-Legendre
    quadrature of the closed form at fixed amplitude otherwise. Relative accuracy is kept as $\tau \to 0$ in
    float32.

    **Arguments:**

    - `effective_variance`: $\tau^2 > 0$; values below $10^{-20}$ count as $10^{-20}$.
    - `threshold`: the multiplier $\alpha \ge 0$.
    - `density`: $\varepsilon$ in [0, 1]. All three broadcast.
    - `amplitudes`: law of the nonzeros.
    - `nonnegative`: keep positive values only; needs `amplitudes="nonnegative"`.

    **Returns:** the mean squared error in the broadcast shape.

    **Raises:** `ValueError` on an unknown law, and on concrete values outside these ranges.

    Sources: Donoho, Maleki and Montanari (donoho2009a); Bayati and Montanari (bayati2012).
    """
    arguments = _channel(effective_variance, threshold, density, amplitudes, nonnegative)
    return _mse_batch(*arguments, amplitudes, nonnegative)


def soft_threshold_active_fraction(
    effective_variance: Real[ArrayLike, "..."],
    threshold: Real[ArrayLike, "..."],
    density: Real[ArrayLike, "..."],
    amplitudes: str = "gaussian",
    nonnegative: bool = False,
) -> Float[Array, "..."]:
    r"""The probability $P(|X + \tau Z| > \alpha\tau)$ that soft thresholding keeps a coordinate.

    With `nonnegative`, $P(X + \tau Z > \alpha\tau)$. Arguments, shapes and errors as for
    `soft_threshold_mse`.
    """
    arguments = _channel(effective_variance, threshold, density, amplitudes, nonnegative)
    return _active_batch(*arguments, amplitudes, nonnegative)


def soft_threshold_state_evolution(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    threshold: Real[ArrayLike, "..."],
    steps: int,
    *,
    amplitudes: str = "gaussian",
    nonnegative: bool = False,
) -> Float[Array, "... {steps}+1"]:
    r"""The predicted error of soft-thresholding AMP after 0, 1, ..., `steps` iterations from zero.

    $$\tau_t^2 = \sigma^2 + \frac{1}{\delta} q_t, \qquad q_{t+1} = E\,(\eta(X + \tau_t Z; \alpha\tau_t) - X)^2, \qquad q_0 = E X^2.$$

    **Arguments:**

    - `sampling_ratio`: $\delta > 0$. `relative_sparsity`: $\rho \ge 0$ with $\rho\delta \le 1$.
    - `noise`: the standard deviation $\sigma \ge 0$.
    - `threshold`: the multiplier $\alpha$, for instance `minimax_threshold(sampling_ratio)`. These four
      broadcast.
    - `steps`: number of iterations, static.
    - `amplitudes`, `nonnegative`: as for `soft_threshold_mse`.

    **Returns:** $q_t = E\|x^t - x_0\|^2 / n$, shape `(..., steps + 1)`.

    **Raises:** `ValueError` on an unknown law, and on concrete values outside these ranges.

    Sources: Donoho, Maleki and Montanari (donoho2009a); proved by Bayati and Montanari (bayati2011).
    """
    arguments = _problem(sampling_ratio, relative_sparsity, noise, threshold, amplitudes, nonnegative)
    return _trajectory(*arguments, steps, amplitudes, nonnegative)


def soft_threshold_fixed_point(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    threshold: Real[ArrayLike, "..."],
    *,
    amplitudes: str = "gaussian",
    nonnegative: bool = False,
) -> Float[Array, "..."]:
    r"""The error of soft-thresholding AMP after infinitely many iterations.

    The right-hand side of state evolution is concave in $\tau^2$, so for $\sigma > 0$ the fixed point is
    unique; Newton's method descends to it from an upper bound. It is infinite where the threshold is so low
    that the error of the zeros alone feeds itself, $2[(1+\alpha^2) Q(\alpha) - \alpha\varphi(\alpha)] \ge
    \delta$.

    **Arguments:** as for `soft_threshold_state_evolution`, without `steps`.

    **Returns:** the mean squared error per coordinate in the broadcast shape; of the order of 1e-20 where a
    noiseless signal is recovered exactly.
    """
    arguments = _problem(sampling_ratio, relative_sparsity, noise, threshold, amplitudes, nonnegative)
    return _calibration(*arguments, amplitudes, nonnegative)[1]


def lasso_calibration(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    threshold: Real[ArrayLike, "..."],
    *,
    amplitudes: str = "gaussian",
    nonnegative: bool = False,
) -> LassoPrediction:
    r"""The LASSO whose estimate is the fixed point of AMP with threshold multiplier $\alpha$.

    $$\lambda = \alpha\tau\Big(1 - \frac{1}{\delta} P(|X + \tau Z| > \alpha\tau)\Big), \qquad \tau = \tau(\alpha),
      \qquad \mathrm{mse} = \delta(\tau^2 - \sigma^2).$$

    The penalty is that of $\tfrac12\|y - Ax\|^2 + \lambda\|x\|_1$ for designs with entries of variance $1/m$;
    for $\tfrac{1}{2m}\|y - Ax\|^2$ divide it by $m$. A negative penalty means that no LASSO has this
    multiplier.

    **Arguments:** as for `soft_threshold_state_evolution`, without `steps`.

    **Returns:** a `LassoPrediction`.

    Source: Bayati and Montanari (bayati2012).
    """
    arguments = _problem(sampling_ratio, relative_sparsity, noise, threshold, amplitudes, nonnegative)
    penalty, mse, variance, active = _calibration(*arguments, amplitudes, nonnegative)
    return LassoPrediction(arguments[3], penalty, mse, variance, active)


def lasso_minimum_mse(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    *,
    amplitudes: str = "gaussian",
    nonnegative: bool = False,
) -> LassoPrediction:
    r"""The smallest error of the LASSO over its penalty, and where it is reached.

    Minimises the fixed point $\tau^2(\alpha)$ over $0 \le \alpha \le 6$.

    **Arguments:** as for `soft_threshold_state_evolution`, without `threshold` and `steps`; `noise` positive.
    Without noise and below the transition every multiplier near the minimax one has zero error.

    **Returns:** a `LassoPrediction`. The minimum is flat: `mse` is accurate to the precision of the dtype,
    `threshold` to its square root. Under differentiation the best multiplier counts as constant, which gives
    the exact gradient of `mse` and `effective_variance` only.
    """
    arguments = _problem(sampling_ratio, relative_sparsity, noise, 0.0, amplitudes, nonnegative)
    return LassoPrediction(*_minimum(*arguments[:3], amplitudes, nonnegative))


def _check_law(amplitudes: str, nonnegative: bool) -> None:
    if amplitudes not in _SECOND_MOMENT:
        raise ValueError(f"amplitudes must be one of {sorted(_SECOND_MOMENT)}; got {amplitudes!r}.")
    if nonnegative and amplitudes != "nonnegative":
        raise ValueError(
            f"nonnegative=True keeps positive values only and needs amplitudes='nonnegative'; got {amplitudes!r}."
        )


def _channel(effective_variance, threshold, density, amplitudes, nonnegative):
    _check_law(amplitudes, nonnegative)
    require_interval("effective_variance", effective_variance, 0, math.inf, closed="left")
    require_interval("density", density, 0, 1, closed="both")
    return jnp.broadcast_arrays(*as_floats(effective_variance, threshold, density))


def _problem(sampling_ratio, relative_sparsity, noise, threshold, amplitudes, nonnegative):
    _check_law(amplitudes, nonnegative)
    require_interval("sampling_ratio", sampling_ratio, 0, math.inf, closed="neither")
    require_interval("relative_sparsity", relative_sparsity, 0, math.inf, closed="left")
    require_interval("noise", noise, 0, math.inf, closed="left")
    arguments = jnp.broadcast_arrays(*as_floats(sampling_ratio, relative_sparsity, noise, threshold))
    density = arguments[0] * arguments[1]
    # A rounding error in the product is not the caller's.
    require_interval("relative_sparsity * sampling_ratio", density, 0, 1 + 1e-6, closed="both")
    return arguments


def _fixed_amplitude_risk(mu, threshold, nonnegative):
    """The risk of thresholding `mu` plus unit noise. Far beyond the threshold it is constant, which avoids inf * 0."""
    mu = jnp.minimum(mu, threshold + 40)
    below, above = threshold - mu, threshold + mu
    risk = mu**2 * ndtr(below) + (1 + threshold**2) * ndtr(-below) - above * gaussian.density(below)
    if nonnegative:
        return risk
    negative = (1 + threshold**2) * ndtr(-above) - below * gaussian.density(above) - mu**2 * ndtr(-above)
    return risk + negative


def _fixed_amplitude_active(mu, threshold, nonnegative):
    kept = ndtr(mu - threshold)
    return kept if nonnegative else kept + ndtr(-mu - threshold)


def _average(function, limit, tau, threshold, amplitudes):
    """The average of `function(|X| / tau)` over the law of the nonzero amplitudes; `limit` is its value at infinity.

    What is integrated is the shortfall from the limit, which lives on a few units of the argument however
    small the noise, so that a fixed rule resolves it.
    """
    if amplitudes == "signs":
        return function(1 / tau)
    nodes, weights = np.polynomial.legendre.leggauss(48)
    largest = 1.0 if amplitudes == "uniform" else 8.5
    length = jnp.minimum(threshold + 8.5, largest / tau)
    mu = length * jnp.asarray(0.5 * (nodes + 1), tau.dtype)
    height = tau if amplitudes == "uniform" else 2 * tau * gaussian.density(tau * mu)
    return limit - jnp.sum(length * jnp.asarray(0.5 * weights, tau.dtype) * height * (limit - function(mu)))


def _gaussian_slab_risk(variance, threshold):
    """Closed form for N(0, 1) amplitudes, arranged as a sum of small terms where the noise is small."""
    a = threshold * jnp.sqrt(variance / (1 + variance))
    mass = jax.lax.erf(a * math.sqrt(0.5))
    peak = gaussian.density(a)
    # mass - 2 a peak cancels to the order of a^3; its series has positive terms only.
    square = jnp.minimum(a, 1) ** 2
    series = sum(square**j / math.prod(range(3, 2 * j + 4, 2)) for j in range(9))
    centre = jnp.where(a < 1, 2 * peak * a * square * series, mass - 2 * a * peak)
    return variance * ((1 + threshold**2) * (1 - mass) - 2 * a * peak) + centre


def _mse(variance, threshold, density, amplitudes, nonnegative):
    variance = jnp.maximum(variance, _SMALLEST_VARIANCE)
    if amplitudes == "gaussian" or (amplitudes == "nonnegative" and not nonnegative):
        slab = _gaussian_slab_risk(variance, threshold)
    else:
        risk = partial(_fixed_amplitude_risk, threshold=threshold, nonnegative=nonnegative)
        slab = variance * _average(risk, 1 + threshold**2, jnp.sqrt(variance), threshold, amplitudes)
    return (1 - density) * variance * gaussian.null_risk(threshold, nonnegative) + density * slab


def _active(variance, threshold, density, amplitudes, nonnegative):
    variance = jnp.maximum(variance, _SMALLEST_VARIANCE)
    if amplitudes == "gaussian" or (amplitudes == "nonnegative" and not nonnegative):
        slab = 2 * ndtr(-threshold * jnp.sqrt(variance / (1 + variance)))
    else:
        kept = partial(_fixed_amplitude_active, threshold=threshold, nonnegative=nonnegative)
        slab = _average(kept, 1.0, jnp.sqrt(variance), threshold, amplitudes)
    return (1 - density) * (1 if nonnegative else 2) * ndtr(-threshold) + density * slab


@partial(jax.jit, static_argnames=("amplitudes", "nonnegative"))
def _mse_batch(variance, threshold, density, amplitudes, nonnegative):
    return jnp.vectorize(lambda *arguments: _mse(*arguments, amplitudes, nonnegative))(variance, threshold, density)


@partial(jax.jit, static_argnames=("amplitudes", "nonnegative"))
def _active_batch(variance, threshold, density, amplitudes, nonnegative):
    return jnp.vectorize(lambda *arguments: _active(*arguments, amplitudes, nonnegative))(variance, threshold, density)


@partial(jax.jit, static_argnames=("steps", "amplitudes", "nonnegative"))
def _trajectory(sampling_ratio, relative_sparsity, noise, threshold, steps, amplitudes, nonnegative):
    @partial(jnp.vectorize, signature="(),(),(),()->(t)")
    def trajectory(ratio, sparsity, noise, threshold):
        density = ratio * sparsity

        def step(mse, _):
            mse = _mse(noise**2 + mse / ratio, threshold, density, amplitudes, nonnegative)
            return mse, mse

        start = density * _SECOND_MOMENT[amplitudes]
        _, errors = jax.lax.scan(step, start, length=steps)
        return jnp.concatenate([start[None], errors])

    return trajectory(sampling_ratio, relative_sparsity, noise, threshold)


def _fixed_variance(ratio, density, noise, threshold, amplitudes, nonnegative):
    null = gaussian.null_risk(threshold, nonnegative)
    stable = null < ratio
    gain = jnp.where(stable, 1 - null / ratio, 1)

    def excess(variance, arguments):
        ratio, density, noise, threshold = arguments
        return noise**2 + _mse(variance, threshold, density, amplitudes, nonnegative) / ratio - variance

    # risk(mu) <= risk(0) + mu^2 bounds the fixed point from above; concavity makes Newton's method descend from there.
    upper = (noise**2 + density * _SECOND_MOMENT[amplitudes] / ratio) / gain
    tolerance = 1e-6 if ratio.dtype == jnp.float32 else 1e-12
    fixed = find_root(
        excess,
        optx.Newton(rtol=tolerance, atol=_SMALLEST_VARIANCE),
        upper,
        (ratio, density, noise, threshold),
        max_steps=48,
    )
    return jnp.where(stable, jnp.maximum(fixed, _SMALLEST_VARIANCE), jnp.inf)


def _calibrate(ratio, sparsity, noise, threshold, amplitudes, nonnegative):
    density = ratio * sparsity
    variance = _fixed_variance(ratio, density, noise, threshold, amplitudes, nonnegative)
    stable = jnp.isfinite(variance)
    finite = jnp.where(stable, variance, 1)
    active = _active(finite, threshold, density, amplitudes, nonnegative)
    # The denoiser's error at the fixed point equals ratio * (variance - noise^2) without the cancellation.
    mse = jnp.where(stable, _mse(finite, threshold, density, amplitudes, nonnegative), jnp.inf)
    penalty = jnp.where(stable, threshold * jnp.sqrt(finite) * (1 - active / ratio), -jnp.inf)
    return penalty, mse, variance, jnp.where(stable, active, 1)


@partial(jax.jit, static_argnames=("amplitudes", "nonnegative"))
def _calibration(sampling_ratio, relative_sparsity, noise, threshold, amplitudes, nonnegative):
    @partial(jnp.vectorize, signature="(),(),(),()->(),(),(),()")
    def calibration(*arguments):
        return _calibrate(*arguments, amplitudes, nonnegative)

    return calibration(sampling_ratio, relative_sparsity, noise, threshold)


@partial(jax.jit, static_argnames=("amplitudes", "nonnegative"))
def _minimum(sampling_ratio, relative_sparsity, noise, amplitudes, nonnegative):
    def log_variance(threshold, arguments):
        ratio, sparsity, noise = arguments
        variance = _fixed_variance(ratio, ratio * sparsity, noise, threshold, amplitudes, nonnegative)
        return jnp.log(jnp.minimum(variance, 1e12))

    @partial(jnp.vectorize, signature="(),(),()->(),(),(),(),()")
    def minimum(*arguments):
        threshold = minimise_from_zero(log_variance, 6.0, arguments)
        return threshold, *_calibrate(*arguments, threshold, amplitudes, nonnegative)

    return minimum(sampling_ratio, relative_sparsity, noise)
