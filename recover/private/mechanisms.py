r"""What noise buys local differential privacy, and at which rates regression is then possible.

Convention: a message of a user is $(\varepsilon, \delta)$-private where for any two data sets of this user, $x$ and $x'$, and any event
$P[M(x) \in E] \le e^\varepsilon P[M(x') \in E] + \delta$; `sensitivity` is the largest $\|f(x) - f(x')\|_2$ over such pairs.
"""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, log_ndtr, ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.checks import require_name
from ..core.theory_arguments import as_floats, require_interval

__all__ = [
    "ball_mechanism_scale",
    "classical_gaussian_scale",
    "gaussian_mechanism_delta",
    "gaussian_mechanism_scale",
    "local_privacy_rate",
]

_INFINITY = float("inf")
_BISECTIONS = 40
# Single precision knows delta to a thousandth; noise larger by this share makes up for it.
_SAFETY = 2e-4
# Powers of d and k in the rates, and whether the square root of log d enters.
RATES = {
    "one-shot": (1.0, 0.5, False),
    "one-shot lower bound": (0.5, 0.5, True),
    "public covariance": (0.5, 0.5, False),
    "interactive": (0.5, 1.0, False),
    "interactive lower bound": (0.5, 0.5, False),
}


def gaussian_mechanism_delta(
    epsilon: Real[ArrayLike, "..."], scale: Real[ArrayLike, "..."], sensitivity: Real[ArrayLike, "..."] = 1.0
) -> Float[Array, "..."]:
    r"""The least $\delta$ for which adding $N(0, s^2 I)$ is $(\varepsilon, \delta)$-private.

    $$\delta = \Phi\Big(\frac{\Delta}{2 s} - \frac{\varepsilon s}{\Delta}\Big) - e^\varepsilon \, \Phi\Big(- \frac{\Delta}{2 s} - \frac{\varepsilon s}{\Delta}\Big)$$

    **Arguments:** `epsilon` $\ge 0$, `scale` $s > 0$ and `sensitivity` $\Delta > 0$; they broadcast.

    **Returns:** $\delta$ in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these.

    Source: Balle and Wang (balle2018, Theorem 8).
    """
    require_interval("epsilon", epsilon, 0, _INFINITY, closed="left")
    require_interval("scale", scale, 0, _INFINITY, closed="neither")
    require_interval("sensitivity", sensitivity, 0, _INFINITY, closed="neither")
    epsilon, scale, sensitivity = as_floats(epsilon, scale, sensitivity)
    shift, width = sensitivity / (2 * scale), epsilon * scale / sensitivity
    return ndtr(shift - width) - jnp.exp(epsilon + log_ndtr(-shift - width))


def gaussian_mechanism_scale(
    epsilon: Real[ArrayLike, "..."], delta: Real[ArrayLike, "..."], sensitivity: Real[ArrayLike, "..."] = 1.0
) -> Float[Array, "..."]:
    r"""The least standard deviation of Gaussian noise that is $(\varepsilon, \delta)$-private, for any $\varepsilon$.

    The root of `gaussian_mechanism_delta` by bisection, rounded up by 0.02 % to be on the safe side in single precision.

    **Arguments:** `epsilon` $> 0$, `delta` in (0, 1) and `sensitivity` $> 0$; they broadcast.

    **Returns:** the standard deviation in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these.

    Source: Balle and Wang (balle2018), the analytic Gaussian mechanism.
    """
    _require_budget(epsilon, delta, _INFINITY)
    require_interval("sensitivity", sensitivity, 0, _INFINITY, closed="neither")
    epsilon, delta, sensitivity = jnp.broadcast_arrays(*as_floats(epsilon, delta, sensitivity))
    # The classical formula at the least of epsilon and one is enough; the logarithms of the ends are bisected.
    high = jnp.log(jnp.sqrt(2 * jnp.log(1.25 / delta)) / jnp.minimum(epsilon, 1))

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        private = gaussian_mechanism_delta(epsilon, jnp.exp(middle)) <= delta
        return jnp.where(private, low, middle), jnp.where(private, middle, high)

    _, high = jax.lax.fori_loop(0, _BISECTIONS, halve, (high - math.log(1e4), high))
    return sensitivity * jnp.exp(high) * (1 + _SAFETY)


def classical_gaussian_scale(
    epsilon: Real[ArrayLike, "..."], delta: Real[ArrayLike, "..."], sensitivity: Real[ArrayLike, "..."] = 1.0
) -> Float[Array, "..."]:
    r"""The standard deviation $\Delta \sqrt{2 \log(1.25 / \delta)} / \varepsilon$, which is enough for $\varepsilon \le 1$ only.

    **Arguments:** `epsilon` in (0, 1], `delta` in (0, 1) and `sensitivity` $\Delta > 0$; they broadcast.

    **Returns:** the standard deviation in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these: far beyond one the noise is too small.

    Source: Dwork and Roth (dwork2014, Theorem A.1).
    """
    _require_budget(epsilon, delta, 1.0)
    require_interval("sensitivity", sensitivity, 0, _INFINITY, closed="neither")
    epsilon, delta, sensitivity = as_floats(epsilon, delta, sensitivity)
    return sensitivity * jnp.sqrt(2 * jnp.log(1.25 / delta)) / epsilon


def ball_mechanism_scale(epsilon: Real[ArrayLike, "..."], dimension: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The norm $B$ of messages of the randomizer of the unit ball, which are $\varepsilon$-private and unbiased.

    $$B = \frac{e^\varepsilon + 1}{e^\varepsilon - 1} \, \frac{\sqrt\pi}{2} \, \frac{d \, \Gamma((d + 1) / 2)}{\Gamma(d / 2 + 1)}$$

    **Arguments:** `epsilon` $> 0$ and `dimension` $d \ge 1$; they broadcast.

    **Returns:** $B$ in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these.

    Source: Duchi, Jordan and Wainwright (duchi2018, Section 4.2.3).
    """
    require_interval("epsilon", epsilon, 0, _INFINITY, closed="neither")
    require_interval("dimension", dimension, 1, _INFINITY, closed="left")
    epsilon, dimension = as_floats(epsilon, dimension)
    gammas = jnp.exp(gammaln((dimension + 1) / 2) - gammaln(dimension / 2 + 1))
    return math.sqrt(math.pi) / 2 * dimension * gammas / jnp.tanh(epsilon / 2)


def local_privacy_rate(
    users: Real[ArrayLike, "..."],
    dimension: Real[ArrayLike, "..."],
    sparsity: Real[ArrayLike, "..."],
    epsilon: Real[ArrayLike, "..."],
    protocol: str = "one-shot",
) -> Float[Array, "..."]:
    r"""Rates of $\|\hat\theta - \theta\|_2$ under local privacy, up to constants and logarithms of the number of users.

    | `protocol` | rate times $\sqrt n \, \varepsilon$ |
    |---|---|
    | `"one-shot"` | $d \sqrt k$ |
    | `"one-shot lower bound"` | $\sqrt{d k \log d}$ |
    | `"public covariance"` | $\sqrt{d k}$ |
    | `"interactive"` | $k \sqrt d$ |
    | `"interactive lower bound"` | $\sqrt{d k}$ |

    **Arguments:** `users` $n$, `dimension` $d$ and `sparsity` $k$ of at least 1, `epsilon` $> 0$; they broadcast.

    **Returns:** the rate in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these, or another protocol.

    Source: Zhu, Ding, Aggarwal, Xu and Wang (zhu2024, abstract).
    """
    require_name("local_privacy_rate", "protocol", protocol, tuple(RATES))
    for name, value in (("users", users), ("dimension", dimension), ("sparsity", sparsity)):
        require_interval(name, value, 1, _INFINITY, closed="left")
    require_interval("epsilon", epsilon, 0, _INFINITY, closed="neither")
    users, dimension, sparsity, epsilon = as_floats(users, dimension, sparsity, epsilon)
    power, other, logarithmic = RATES[protocol]
    size = dimension**power * sparsity**other
    size = size * jnp.sqrt(jnp.log(dimension)) if logarithmic else size
    return size / (jnp.sqrt(users) * epsilon)


def _require_budget(epsilon, delta, largest: float) -> None:
    require_interval("epsilon", epsilon, 0, largest, closed="right" if largest < _INFINITY else "neither")
    require_interval("delta", delta, 0, 1, closed="neither")
