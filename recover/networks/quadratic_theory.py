r"""Predictions for quadratic networks of extensive width learnt from quadratically many samples.

Throughout $\alpha = n / d^2$, $\kappa = m / d$ and $\tilde\Delta = 2 \Delta (2 + \Delta) / \kappa$ as $d \to \infty$; errors are
$\kappa \|\hat S - S_\star\|_F^2 / d$, one for the prior mean. Source: Maillard, Troiani, Martin, Krzakala and Zdeborová,
arXiv:2408.03733 (maillard2024); proved by Xu, Maillard, Zdeborová and Krzakala, arXiv:2503.14121 (xu2025).
"""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from .noisy_wishart import matrix_denoising_error, mean_share

__all__ = [
    "narrow_network_mmse",
    "quadratic_network_channel_noise",
    "quadratic_network_mmse",
    "quadratic_network_recovery_threshold",
    "quadratic_network_state_evolution",
    "wide_network_mmse",
]


def quadratic_network_channel_noise(
    noise: Real[ArrayLike, "..."], ratio: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The variance $\tilde\Delta = 2 \Delta (2 + \Delta) / \kappa$ of the equivalent linear channel.

    **Arguments:** `noise` $\sqrt\Delta$, standard deviation of the noise before the activation; `ratio` $\kappa$.
    """
    noise, ratio = jnp.broadcast_arrays(*as_floats(noise, ratio))
    return 2 * noise**2 * (2 + noise**2) / ratio


def quadratic_network_recovery_threshold(ratio: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""Samples from which noiseless recovery is perfect: $\alpha_{PR} = \kappa - \kappa^2/2$ for $\kappa \le 1$, else $1/2$.

    The number of free parameters of a matrix of rank $\min(m, d)$, over $d^2$.
    """
    require_interval("ratio", ratio, 0, np.inf, closed="left")
    (ratio,) = as_floats(ratio)
    rank = jnp.minimum(ratio, 1)
    return rank - rank**2 / 2


def quadratic_network_mmse(
    sampling: Real[ArrayLike, "..."], ratio: Real[ArrayLike, "..."], channel_noise: Real[ArrayLike, "..."] = 0.0
) -> Float[Array, "..."]:
    r"""The Bayes-optimal error, $\kappa F(t)$ at the solution of

    $$4 \alpha\, t = \tilde\Delta + 2 F(t), \qquad F(t) = t - \frac{4\pi^2}{3} t^2 \int \rho_t^3,$$

    which is unique since $F(t) / t$ decreases; zero where there is none (no noise, $\alpha \ge \alpha_{PR}$).

    **Arguments:** `sampling` $\alpha \ge 0$, `ratio` $\kappa > 0$, `channel_noise` $\tilde\Delta \ge 0$; they broadcast.

    **Returns:** the error; accurate to 1e-10 in float64 and 1e-5 in float32, close to the threshold to 1e-3.
    """
    alpha, kappa, noise = _arguments(sampling, ratio, channel_noise)
    return jnp.vectorize(_mmse)(alpha, kappa, noise)


def quadratic_network_state_evolution(
    sampling: Real[ArrayLike, ""],
    ratio: Real[ArrayLike, ""],
    channel_noise: Real[ArrayLike, ""] = 0.0,
    iterations: int = 30,
) -> Float[Array, " steps"]:
    r"""The error of undamped GAMP-RIE after 0, 1, ... iterations, $\kappa q_k$ with

    $$t_{k+1} = \frac{\tilde\Delta + 2 q_k}{4 \alpha}, \qquad q_{k+1} = F(t_{k+1}), \qquad q_0 = \frac1\kappa .$$

    It decreases to `quadratic_network_mmse`.

    **Arguments:** as there, scalars, with $\alpha > 0$; `iterations`, static.

    **Returns:** a vector of length `iterations` + 1.
    """
    require_interval("sampling", sampling, 0, np.inf, closed="neither")
    alpha, kappa, noise = _arguments(sampling, ratio, channel_noise)
    # Without noise the error of a solved problem goes to zero geometrically: stop before it underflows.
    floor = jnp.finfo(alpha.dtype).eps ** 2

    def iterate(error, _):
        variance = jnp.maximum((noise + 2 * error) / (4 * alpha), floor)
        error = matrix_denoising_error(variance, kappa)
        return error, error

    _, errors = jax.lax.scan(iterate, 1 / kappa, None, length=iterations)
    return kappa * jnp.concatenate([1 / kappa[None], errors])


def narrow_network_mmse(samples_per_parameter: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The limit $\kappa \to 0$ of the noiseless error at fixed $\bar\alpha = n / (d m)$.

    1 up to $\bar\alpha = 1/2$, $4 \bar\alpha (1 - \bar\alpha)$ up to 1, then 0.
    """
    require_interval("samples_per_parameter", samples_per_parameter, 0, np.inf, closed="left")
    (ratio,) = as_floats(samples_per_parameter)
    return jnp.where(ratio < 0.5, 1, jnp.where(ratio < 1, 4 * ratio * (1 - ratio), 0))


def wide_network_mmse(sampling: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The limit $\kappa \to \infty$ of the noiseless error, $(1 - 2\alpha)_+$: that of the best linear estimate."""
    require_interval("sampling", sampling, 0, np.inf, closed="left")
    (sampling,) = as_floats(sampling)
    return jnp.maximum(1 - 2 * sampling, 0)


def _arguments(sampling, ratio, channel_noise):
    require_interval("sampling", sampling, 0, np.inf, closed="left")
    require_interval("ratio", ratio, 0, np.inf, closed="neither")
    require_interval("channel_noise", channel_noise, 0, np.inf, closed="left")
    return jnp.broadcast_arrays(*as_floats(sampling, ratio, channel_noise))


def _mmse(alpha, kappa, noise):
    resolution = jnp.finfo(alpha.dtype).eps
    unlearnt = alpha <= 1e-6
    recovered = (noise == 0) & (alpha >= quadratic_network_recovery_threshold(kappa))
    safe = jnp.where(unlearnt | recovered, 0.1 * jnp.minimum(kappa, 1), alpha)

    def excess(log_variance, _):
        variance = jnp.exp(log_variance)
        return 4 * safe - noise / variance - 2 * mean_share(variance, kappa)

    # F never exceeds 1 / kappa, nor falls below zero.
    upper = jnp.log((noise + 2 / kappa) / (4 * safe)) + 1e-3
    lower = jnp.maximum(jnp.log(noise) - jnp.log(4 * safe), upper + 2 * jnp.log(resolution)) - 1e-3
    root = optx.root_find(
        excess,
        optx.Bisection(rtol=4 * float(resolution), atol=4 * float(resolution), flip=False),
        (lower + upper) / 2,
        options={"lower": lower, "upper": upper},
        max_steps=80,
        throw=False,
    ).value
    variance = jnp.exp(root)
    error = kappa * variance * mean_share(variance, kappa)
    return jnp.where(recovered, 0, jnp.where(unlearnt, 1, error))
