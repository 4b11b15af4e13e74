"""A random vector seen through random linear forms and a channel."""

import equinox as eqx
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Size, count, size
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.numbers import norm, ratio
from ..core.sizes import capacity, row_mask
from ..scalar.channels import AbstractObservedChannel, SignChannel
from ..scalar.priors import AbstractPrior, SphericalPrior
from .channel_problem import ChannelProblem

__all__ = ["ChannelRegression"]


class ChannelRegression(AbstractModel[Array, ChannelProblem, Array]):
    r"""$y_i \sim P(\cdot \mid a_i^\top x)$ with $A_{ij} \sim N(0, 1/n)$ and entries of $x$ of a law of unit second moment.

    The number of rows, and numbers of channel and prior, are traced. Source: Barbier, Krzakala, Macris, Miolane and Zdeborová
    (barbier2019).

    - `dimension`: number $n$ of unknowns.
    - `samples`: number $m$ of observations.
    - `channel`: an observed channel of `recover.channels`.
    - `prior`: of `recover.priors`.

    **Raises:** `ValueError` for an impossible size, `TypeError` for a channel or prior of another kind.
    """

    dimension: int = count(1)
    samples: Size = size(1)
    channel: AbstractObservedChannel = eqx.field(default_factory=SignChannel)
    prior: AbstractPrior = eqx.field(default_factory=SphericalPrior)

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """The matrix, of shape (capacity of `samples`, dimension)."""
        matrix = draws.normal(key, (capacity(self, "samples"), self.dimension))
        return matrix * jnp.asarray(self.dimension**-0.5, matrix.dtype)

    def observe(self, key: Key[Array, ""], design) -> tuple[ChannelProblem, Float[Array, " dimension"]]:
        """A vector and its observations; the truth is the vector."""
        key_signal, key_channel = draws.split(key)
        truth = self.prior.draw(key_signal, self.dimension).astype(design.dtype)
        mask = row_mask(self.samples, capacity(self, "samples"))
        operator = lx.DiagonalLinearOperator(mask.astype(design.dtype)) @ lx.MatrixLinearOperator(design)
        observations = jnp.where(mask, self.channel.draw(key_channel, operator.mv(truth)), 0)
        return ChannelProblem(operator, observations, self.channel, self.prior, samples=self.samples), truth

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""$\|\hat x - x\| / \|x\|$."""
        return relative_error(truth, estimate)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        r"""`overlap` $\langle \hat x, x \rangle / n$, and the `cosine` of the two, which has no scale."""
        product = jnp.vdot(estimate, truth)
        return {"overlap": product / self.dimension, "cosine": ratio(product, norm(estimate) * norm(truth))}
