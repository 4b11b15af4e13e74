r"""How far the norm of a sparse mixture is from that of its coefficients: the law of approximate feature activation.

$z = \sum_i f_i w_i$ with unit rows $w_i \in \mathbb{R}^d$, of which $k$ have a coefficient. All follow from
$\|z\|^2 - \|f\|^2 = \sum_{i \ne j} f_i f_j \langle w_i, w_j \rangle$.

Source of the bounds: Lee, Davies, Canby and Hockenmaier, arXiv:2503.24277 (lee2025), in the form of the authors' code. The typical error is
derived here.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["NormInterval", "afa_bias", "afa_interval", "afa_spread"]


class NormInterval(NamedTuple):
    r"""Ends of what $\|f\|$ may be."""

    lower: Float[Array, "..."]
    upper: Float[Array, "..."]


def afa_interval(
    norm: Real[ArrayLike, "..."], coherence: Real[ArrayLike, "..."], count: Real[ArrayLike, "..."]
) -> NormInterval:
    r"""$\|z\| / \sqrt{1 + \epsilon (h - 1)} \le \|f\| \le \|z\| / \sqrt{1 - \epsilon (h - 1)}$, without upper end where $\epsilon (h - 1) \ge 1$.

    `coherence` $\epsilon$ bounds $|\langle w_i, w_j \rangle|$; `count` $h$ is the number of rows, or that of coefficients that are not
    zero, for which the same holds.
    """
    require_interval("coherence", coherence, 0, 1, closed="both")
    require_interval("count", count, 1, np.inf, closed="left")
    z, eps, h = jnp.broadcast_arrays(*as_floats(norm, coherence, count))
    slack = eps * (h - 1)
    upper = jnp.where(slack < 1, z / jnp.sqrt(jnp.where(slack < 1, 1 - slack, 1)), jnp.inf)
    return NormInterval(z / jnp.sqrt(1 + slack), upper)


def afa_spread(
    dimension: Real[ArrayLike, "..."], active: Real[ArrayLike, "..."], kurtosis: Real[ArrayLike, "..."] = 1.0
) -> Float[Array, "..."]:
    r"""Standard deviation of $\|z\|^2 / \|f\|^2 - 1$ for independent uniformly random rows: $\sqrt{2 (1 - \beta/k) / d}$.

    Independent of the number of rows. Exactly, $\beta / k$ is $\sum f_i^4 / (\sum f_i^2)^2$; with
    `kurtosis` $\beta = \mathbb{E} f^4 / (\mathbb{E} f^2)^2$ it is that to leading order, and with $\beta = 1$ coefficients are equal.
    """
    require_interval("dimension", dimension, 0, np.inf, closed="neither")
    require_interval("active", active, 1, np.inf, closed="left")
    d, k, beta = jnp.broadcast_arrays(*as_floats(dimension, active, kurtosis))
    return jnp.sqrt(2 * jnp.maximum(1 - beta / k, 0) / d)


def afa_bias(
    coherence: Real[ArrayLike, "..."], active: Real[ArrayLike, "..."], flatness: Real[ArrayLike, "..."] = 1.0
) -> Float[Array, "..."]:
    r"""Mean of $\|z\|^2 / \|f\|^2 - 1$ for nonnegative coefficients and rows of mean cosine $\rho$: $\rho (k - 1) \gamma$.

    `flatness` is $\gamma = (\mathbb{E} f)^2 / \mathbb{E} f^2$, one for equal coefficients.
    """
    require_interval("active", active, 1, np.inf, closed="left")
    rho, k, gamma = jnp.broadcast_arrays(*as_floats(coherence, active, flatness))
    return rho * (k - 1) * gamma
