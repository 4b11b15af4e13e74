r"""Codes as long as their inputs: how many neurons speak is read off norms instead of being told.

For a dictionary with nearly orthogonal unit rows, $\|\sum_i f_i w_i\| \approx \|f\|$ (`recover.theory.afa_interval`), so a code of
another length than its input has too many or too few active neurons.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...core.fields import Real, integer, leaf
from ...core.numbers import norm
from ...core.selection import largest_mask, norm_matched_mask
from .activations import AbstractActivation, Preactivations
from .controls import AbstractControl

__all__ = ["NormMatching", "TopAFA"]

# Rows of the decoder have unit norm unless they are padding.
_PADDING = 1e-6


class TopAFA(AbstractActivation):
    r"""Of $p = \max(z, 0)$ in every row the $k(x)$ largest $p_m \|w_m\|$, whose norm is nearest to that of the centred input.

    $$k(x) = \arg\min_{1 \le j < M} \Big| \big(\textstyle\sum_{l \le j} s_{(l)}\big)^{1/2} - \|x - b_{dec}\| \Big|, \qquad
      s_m = (p_m \|w_m\|)^2,$$

    sorted so that $s_{(1)} \ge s_{(2)} \ge \dots$; nearest, not first to exceed. The choice counts as constant in gradients, and the
    encoder's bias is not used. `most`, if given, bounds $k(x)$; it is traced.

    Source: Lee, Davies, Canby and Hockenmaier, arXiv:2503.24277 (lee2025), in the form of the authors' code;
    `most` is ours.
    """

    most: Int[Array, ""] | None = integer(1, default=None)

    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """Positive parts, as many of the largest as the norm asks for."""
        positive = jax.nn.relu(inputs.projections)
        magnitudes, targets, norms = jax.lax.stop_gradient(
            (positive * inputs.norms[None, :], norm(inputs.centred, axis=1), inputs.norms)
        )
        present = norms > _PADDING
        kept = jax.vmap(norm_matched_mask, (0, 0, None))(magnitudes, targets, present)
        if self.most is not None:
            kept = kept & jax.vmap(largest_mask, (0, None))(magnitudes, self.most)
        return jnp.where(kept, positive, 0)


class NormMatching(AbstractControl):
    r"""$\lambda$ times the mean over rows of $(\|f\| - \|x\|)^2$: codes shall be as long as their inputs.

    Codes count with unit decoder rows, as training keeps them. The target is the norm of the input before centring, as in the
    authors' code. There the error of reconstruction is a mean over coordinates: their $\lambda$ is `weight` $= \lambda d / 2$
    beside the loss of `AutoencoderTraining` (`NormMatching.published`).

    Source: Lee, Davies, Canby and Hockenmaier, arXiv:2503.24277 (lee2025), in the form of the authors' code.
    """

    weight: Real = leaf(rule="nonnegative")

    def in_units(self, units, weights):
        """Itself: errors are squares of lengths too."""
        return self

    @staticmethod
    def published(weight, dimension) -> "NormMatching":
        r"""The control whose $\lambda$ the paper would call `weight`, for inputs of this dimension."""
        return NormMatching(weight * dimension / 2)

    def penalty(self, state, weights, forward, step):
        """The penalty of a batch."""
        gaps = norm(forward.codes, axis=1) - norm(forward.inputs, axis=1)
        return self.weight * jnp.mean(gaps**2)
