"""Bringing neurons back that have fallen silent."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from ...core.fields import Real, integer, leaf
from ...core.selection import largest_mask
from .controls import AbstractControl

__all__ = ["DeadNeurons"]


class Silence(eqx.Module):
    """Batches since every neuron last spoke."""

    batches: Int[Array, " width"]
    present: Bool[Array, " width"]


class DeadNeurons(AbstractControl):
    r"""Silent neurons reconstruct what the others leave over: $\frac{\alpha}{2B} \sum_l \|x_l - \hat x_l - \sum_{m \in D_l} p_m w_m\|^2$.

    $D_l$ holds the `active` largest $p_m = \max(z_m + b_m, 0)$ among neurons that were silent for `patience` batches. The residual
    counts as constant. All numbers are traced: instead of an index of the dead, whose length is not known, there is a mask.

    Source: the auxiliary loss of TopK autoencoders (gao2024), with the numbers of the code of Lee et al. (lee2025).
    """

    weight: Real = leaf(1 / 32, "nonnegative")
    active: Int[Array, ""] = integer(1, default=512)
    patience: Int[Array, ""] = integer(1, default=5)

    def begin(self, weights, present, projections):
        """Nobody has been silent yet."""
        return weights, Silence(jnp.zeros(present.shape, jnp.int32), present)

    def penalty(self, state, weights, forward, step):
        """The penalty of a batch."""
        dead = state.present & (state.batches >= self.patience)
        positive = jnp.where(dead[None, :], jax.nn.relu(forward.preactivations.biased), 0)
        kept = jax.vmap(lambda row: largest_mask(row, self.active))(jax.lax.stop_gradient(positive))
        codes = jnp.where(kept, positive, 0)
        if weights.scale is not None:
            codes = codes * weights.scale[None, :]
        left = jax.lax.stop_gradient(forward.inputs - forward.reconstruction)
        error = jnp.sum((left - codes @ weights.decoder) ** 2) / (2 * left.shape[0])
        return jnp.where(jnp.any(dead), self.weight * error, 0)

    def adapt(self, state, weights, forward, step):
        """Counts batches of silence."""
        spoke = jnp.any(forward.codes != 0, axis=0)
        return weights, Silence(jnp.where(spoke, 0, state.batches + 1), state.present)
