"""Where unmixing starts: spectra of pixels that look pure, and abundances that fit them."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..core.leaves import as_leaf
from ..core.selection import largest_value
from .problem import UnmixingProblem
from .spatial import box_means, neighbour_means

__all__ = ["AbstractEndmemberStart", "SuccessiveProjection"]

# The median of |z| of a standard normal variable.
_NORMAL_MEDIAN = 0.6745


class AbstractEndmemberStart(eqx.Module):
    """A rule for the endmembers an iteration starts from, and for how far each channel is to be trusted."""

    @abc.abstractmethod
    def __call__(
        self, problem: UnmixingProblem
    ) -> tuple[Float[Array, "channels endmembers"], Float[Array, " channels"]]:
        """Endmembers, and a weight for every channel in [0, 1]; zero on padding."""


class SuccessiveProjection(AbstractEndmemberStart):
    r"""The successive projection algorithm (SPA): the pixel of largest norm, then the largest in what is orthogonal to it, ...

    With `robust`, channels are weighted by their noise first. The high-pass residual $r_l$ of channel $l$ is every pixel minus
    the mean of its four neighbours; $s_l = \mathrm{med}|r_l| / 0.6745$ and
    $w_l = \min(1, \mathrm{med}_j(s_j) / s_l)$. Pixels are selected on $w Y$ after a spatial mean over 3 x 3 pixels, and the
    endmembers are the spectra of the smoothed image there. Without, SPA sees the data as they are, and all weights are one.

    Source: Araújo et al. (2001); the weights are ours.
    """

    robust: Bool[Array, ""] = eqx.field(converter=as_leaf, default=True)

    def __call__(self, problem):
        """Spectra of the selected pixels."""
        data = problem.observations
        robust, live = jnp.asarray(self.robust), problem.live_channels
        images = problem.images(data)
        weights = jnp.where(robust, self._weights(problem, images), live.astype(data.dtype))
        spectra = jnp.where(robust, box_means(images, 3).reshape(data.shape), data)

        def select(rest, live_endmember):
            norms = jnp.sum(rest**2, axis=0)
            chosen = jnp.argmax(norms)
            direction = rest[:, chosen] / jnp.sqrt(jnp.where(norms[chosen] > 0, norms[chosen], 1))
            rest = rest - direction[:, None] * (direction @ rest)[None, :]
            return rest, jnp.where(live_endmember, spectra[:, chosen], 0)

        found = jax.lax.scan(select, weights[:, None] * spectra, problem.live_endmembers)[1]
        return found.T, weights

    @staticmethod
    def _weights(problem: UnmixingProblem, images):
        residual = jnp.abs(images - neighbour_means(images)).reshape(images.shape[0], -1)
        pixels = residual.shape[1]
        middle = jax.vmap(lambda row: largest_value(row, jnp.asarray(pixels - pixels // 2, jnp.int32)))(residual)
        noise = middle / _NORMAL_MEDIAN
        level = problem.channel_medians(noise)
        # A channel without any noise deserves full trust.
        weights = jnp.where(noise > level, level / jnp.where(noise > 0, noise, 1), 1)
        return jnp.where(problem.live_channels, weights, 0)


def fitted_abundances(
    problem: UnmixingProblem,
    endmembers: Float[Array, "channels endmembers"],
    weights: Float[Array, " channels"],
    sum_to_one: Float[Array, ""],
    steps: int = 300,
) -> Float[Array, "endmembers pixels"]:
    r"""Abundances that nearly minimise $\sum_l w_l \|y^l - (MA)^l\|^2 + \delta^2 \sum_n (1 - \sum_k a_{kn})^2$ over $A \ge 0$.

    `steps` multiplicative updates from $1/K$, each of which costs $K^2$ per pixel.
    """
    dtype = problem.observations.dtype
    square = jnp.asarray(sum_to_one, dtype) ** 2
    weighted = endmembers.T * weights[None, :]
    live = problem.live_endmembers.astype(dtype)
    gram = weighted @ endmembers + square * jnp.multiply.outer(live, live)
    target = weighted @ problem.observations + square * live[:, None]
    start = (live / problem.endmembers.astype(dtype))[:, None] * jnp.ones_like(problem.observations[:1])

    def update(_, abundances):
        return abundances * target / (gram @ abundances + TINY)

    return jax.lax.fori_loop(0, steps, update, start)


TINY = 1e-9
"""Keeps denominators of multiplicative updates away from zero."""
