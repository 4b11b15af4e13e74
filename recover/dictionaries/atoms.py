r"""What a dictionary certifies about sparse codes, and when a threshold reads them off.

$n$ atoms in $\mathbb{R}^d$ with coherence $\mu$ (in the atomic inner product), codes with $K$ nonzero coefficients. Source of
the conditions: Hu, Cao, Chen, Liu and Zhao, arXiv:2509.20784 (hu2025), as public notes state them; they are those of compressed
sensing. The law of random tight frames is derived here.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = [
    "ThresholdWindow",
    "activation_second_moment",
    "coherence_isometry",
    "threshold_window",
    "tight_frame_cosine",
    "tight_frame_stability",
    "uniqueness_sparsity",
    "welch_coherence",
]


class ThresholdWindow(NamedTuple):
    """Thresholds that are certain to tell the support: above all interference, below every active response."""

    lower: Float[Array, "..."]
    upper: Float[Array, "..."]

    @property
    def feasible(self):
        """Whether there is a threshold between the two."""
        return self.lower < self.upper


def coherence_isometry(coherence: Real[ArrayLike, "..."], active: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$\delta_K \le (K - 1) \mu$: bound on the restricted isometry constant, by Gershgorin's circles."""
    require_interval("coherence", coherence, 0, 1, closed="both")
    mu, size = as_floats(coherence, active)
    return (size - 1) * mu


def uniqueness_sparsity(coherence: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""$(1 + 1/\mu)/2$: codes with fewer nonzeros are the sparsest ones, and those of least l1 norm, of what they produce."""
    require_interval("coherence", coherence, 0, 1)
    (mu,) = as_floats(coherence)
    return (1 + 1 / mu) / 2


def welch_coherence(features: Real[ArrayLike, "..."], dimension: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The least possible coherence of $n > 1$ unit rows in $d$ dimensions: $\sqrt{(n - d)_+ / (d (n - 1))}$ (welch1974).

    Hence $\epsilon (n - 1) \ge 1$ for every overcomplete dictionary, and `afa_interval` has no upper end that holds for all codes.
    """
    require_interval("features", features, 1, np.inf, closed="neither")
    require_interval("dimension", dimension, 0, np.inf, closed="neither")
    n, d = jnp.broadcast_arrays(*as_floats(features, dimension))
    return jnp.sqrt(jnp.maximum(n - d, 0) / (d * (n - 1)))


def tight_frame_cosine(
    features: Real[ArrayLike, "..."], dimension: Real[ArrayLike, "..."], share: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""Quantile of $|\cos|$ over pairs of a random dictionary, whitened: $z_{(1+q)/2} \sqrt{(1 - d/n)/d}$.

    The Gram matrix of a whitened dictionary projects on a random subspace of dimension $d$ in $\mathbb{R}^n$; after
    normalisation its entries are about normal with this variance.
    """
    require_interval("share", share, 0, 1, closed="left")
    n, d, q = jnp.broadcast_arrays(*as_floats(features, dimension, share))
    return ndtri((1 + q) / 2) * jnp.sqrt((1 - d / n) / d)


def tight_frame_stability(
    features: Real[ArrayLike, "..."], dimension: Real[ArrayLike, "..."], active: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The share of pairs of such a dictionary below $1/(2K - 1)$: $2 \Phi\big( \sqrt{d / (1 - d/n)} / (2K - 1) \big) - 1$."""
    n, d, size = jnp.broadcast_arrays(*as_floats(features, dimension, active))
    return 2 * ndtr(jnp.sqrt(d / (1 - d / n)) / (2 * size - 1)) - 1


def activation_second_moment(
    dictionary: Float[Array, "features dimension"],
    active: Real[ArrayLike, ""],
    mean: Real[ArrayLike, ""],
    mean_square: Real[ArrayLike, ""],
) -> Float[Array, "dimension dimension"]:
    r"""$\mathbb{E}\, k k^\top = (v - u) V^\top V + u\, (V^\top 1)(V^\top 1)^\top$ for uniform supports of size $K$.

    $v = \frac Kn \mathbb{E} h^2$ and $u = \frac{K(K - 1)}{n(n - 1)} (\mathbb{E} h)^2$ for independent coefficients $h$: up to the
    direction of the sum of all atoms the inverse is the kernel $(V^\top V)^{-1}$ of the dictionary itself.
    """
    size, first, second = (jnp.asarray(value, dictionary.dtype) for value in (active, mean, mean_square))
    n = dictionary.shape[0]
    v = size / n * second
    u = size * (size - 1) / (n * max(n - 1, 1)) * first**2
    total = jnp.sum(dictionary, axis=0)
    return (v - u) * (dictionary.T @ dictionary) + u * total[:, None] * total[None, :]


def threshold_window(
    coherence: Real[ArrayLike, "..."],
    active: Real[ArrayLike, "..."],
    smallest: Real[ArrayLike, "..."],
    largest: Real[ArrayLike, "..."],
) -> ThresholdWindow:
    r"""$\epsilon K h_{\max} < \tau < h_{\min} - \epsilon (K - 1) h_{\max}$ for coefficients between $h_{\min}$ and $h_{\max}$.

    Not empty exactly if $h_{\min} > \epsilon (2K - 1) h_{\max}$.
    """
    require_interval("coherence", coherence, 0, 1, closed="both")
    mu, size, low, high = jnp.broadcast_arrays(*as_floats(coherence, active, smallest, largest))
    return ThresholdWindow(mu * size * high, low - mu * (size - 1) * high)
