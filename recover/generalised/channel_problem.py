"""Observations of the linear forms of a vector of known law through a known channel."""

import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Int

from ..core.checks import require_integer
from ..core.problem import AbstractRowProblem
from ..operators.given import given_data
from ..operators.transposed import transposed_product
from ..scalar.channels import AbstractObservedChannel, SignChannel
from ..scalar.priors import AbstractPrior, SphericalPrior

__all__ = ["ChannelProblem"]


class ChannelProblem(AbstractRowProblem):
    r"""$y_i \sim P(\cdot \mid (A x)_i)$ for a vector $x$ whose entries have a law of unit second moment; channel and law are known.

    Entries of $A$ have variance $1 / n$, so that linear forms have variance one. Rows from `samples` on are padding and zero.
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, " rows"]
    samples: Int[Array, ""]
    channel: AbstractObservedChannel
    prior: AbstractPrior

    def __init__(self, operator, observations, channel=None, prior=None, *, samples=None):
        """**Arguments:**

        - `operator`, `observations`, `samples`: as for `recover.LinearProblem`.
        - `channel`: an observed channel of `recover.channels`; the noiseless sign by default.
        - `prior`: the law of the unknowns, of `recover.priors`; the Gaussian one, `SphericalPrior`, by default.

        **Raises:** `ValueError` when the shapes do not fit or a number is impossible; `TypeError` for what is no array of numbers.
        """
        self.operator, self.observations = given_data("ChannelProblem", operator, observations)
        rows = self.observations.shape[0]
        require_integer("ChannelProblem", "samples", samples, 1, rows)
        self.samples = jnp.asarray(rows if samples is None else samples)
        self.channel = SignChannel() if channel is None else channel
        self.prior = SphericalPrior() if prior is None else prior

    @property
    def dimension(self) -> int:
        """Number of unknowns (static)."""
        return self.operator.in_size()

    def forms(self, x: Float[Array, " dimension"]) -> Float[Array, " rows"]:
        """The linear forms A x."""
        return self.operator.mv(x)

    def back_projection(self, z: Float[Array, " rows"]) -> Float[Array, " dimension"]:
        """The product of the transpose of the operator with z."""
        return transposed_product(self.operator, z)
