"""Where unmixing starts: spectra of pixels that look pure, and abundances that fit them."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..core.fields import AbstractModule, leaf
from ..core.numbers import ratio, squared_norm
from ..core.selection import largest_value
from .problem import UnmixingProblem
from .spatial import box_means, neighbour_means

__all__ = ["AbstractEndmemberStart", "SuccessiveProjection"]

# Keeps denominators of multiplicative updates away from zero.
TINY = 1e-9


class AbstractEndmemberStart(AbstractModule):
    """A rule for the endmembers an iteration starts from, and for how far each channel is to be trusted."""

    @abc.abstractmethod
    def __call__(
        self, problem: UnmixingProblem
    ) -> tuple[Float[Array, "channels endmembers"], Float[Array, " channels"]]:
        """Endmembers, and a weight for every channel in [0, 1]; zero on padding."""


class SuccessiveProjection(AbstractEndmemberStart):
    r"""The successive projection algorithm (SPA): the pixel of largest norm, then the largest in what is orthogonal to it, ...

    With `robust`, channels are weighted by their noise first. The high-pass residual $r_l$ of channel $l$ is every pixel minus
    the mean of its four neighbours, and $w_l = \min(1, \mathrm{med}_j(s_j) / s_l)$ with $s_l = \mathrm{med}|r_l|$. Pixels are
    selected on $w Y$ after a spatial mean over 3 x 3 pixels, and the endmembers are the spectra of the smoothed image there.
    Without, SPA sees the data as they are, and all weights are one.

    Source: M. C. U. Araújo, T. C. B. Saldanha, R. K. H. Galvão, T. Yoneyama, H. C. Chame and V. Visani, Chemometrics and
    Intelligent Laboratory Systems 57 (2001) (araujo2001); the weights are ours.
    """

    robust: Bool[Array, ""] = leaf(True, "switch")

    def __call__(self, problem):
        """The spectra of the selected pixels, and the weights of the channels."""
        data = problem.filled()
        images = problem.images(data)
        present = None if problem.known is None else problem.images(problem.present)
        weights = jnp.where(
            self.robust, self._weights(problem, images, present), problem.live_channels.astype(data.dtype)
        )
        spectra = jnp.where(self.robust, box_means(images, 3, present).reshape(data.shape), data)

        def select(rest, live_endmember):
            energies = squared_norm(rest, 0)
            chosen = jnp.argmax(energies)
            direction = ratio(rest[:, chosen], jnp.sqrt(energies[chosen]))
            rest = rest - direction[:, None] * (direction @ rest)[None, :]
            return rest, jnp.where(live_endmember, spectra[:, chosen], 0)

        found = jax.lax.scan(select, weights[:, None] * spectra, problem.live_endmembers)[1]
        return found.T, weights

    @staticmethod
    def _weights(problem: UnmixingProblem, images, present):
        residual = jnp.abs(images - neighbour_means(images, present)).reshape(images.shape[0], -1)
        # What is absent comes last, and is not counted.
        residual = residual if present is None else jnp.where(problem.present[None, :], residual, 0)
        pixels = jnp.asarray(residual.shape[1] if present is None else jnp.sum(present), jnp.int32)
        # Standard deviations up to a factor, the same for all channels.
        noise = jax.vmap(lambda row: largest_value(row, pixels - pixels // 2))(residual)
        level = problem.channel_median(noise)
        # A channel without any noise deserves full trust.
        weights = jnp.where(noise > level, ratio(level, noise), 1)
        return jnp.where(problem.live_channels, weights, 0)


def fitted_abundances(
    problem: UnmixingProblem,
    endmembers: Float[Array, "channels endmembers"],
    weights: Float[Array, " channels"],
    sum_to_one: Float[Array, ""],
    steps: int = 300,
) -> Float[Array, "endmembers pixels"]:
    r"""Abundances that nearly minimise $\sum_l w_l \|y^l - (MA)^l\|^2 + \delta^2 \sum_n (1 - \sum_k a_{kn})^2$ over $A \ge 0$.

    Multiplicative updates from $1/K$, each of which costs $K^2$ per pixel. They leave every abundance positive, which the
    exact minimiser (`optax.nnls`) does not: multiplicative updates that begin there could never leave its zeros.

    **Arguments:**

    - `endmembers`: $M$.
    - `weights`: $w$.
    - `sum_to_one`: $\delta$.
    - `steps`: how many updates.
    """
    dtype = problem.observations.dtype
    square = sum_to_one**2
    weighted = endmembers.T * weights[None, :]
    live = problem.live_endmembers.astype(dtype)
    gram = weighted @ endmembers + square * jnp.multiply.outer(live, live)
    target = weighted @ problem.filled() + square * live[:, None]
    start = (live / problem.endmembers.astype(dtype))[:, None] * problem.present.astype(dtype)[None, :]

    def update(_, abundances):
        return abundances * target / (gram @ abundances + TINY)

    return jax.lax.fori_loop(0, steps, update, start)
