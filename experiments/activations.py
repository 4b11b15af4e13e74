"""Activations and controls that differ in numbers alone, so that trainings which are compared are lanes of one program."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from recover import autoencoders as pieces
from recover.core import Real, leaf
from recover.core.selection import largest_mask_of_rows

# More neurons than any figure has.
_ALL = 2**20


class Selecting(pieces.AbstractActivation):
    r"""ReLU (the default), JumpReLU, TopK or BatchTopK, whichever its numbers say.

    $p = \max(z + b, 0)$ or, with `jumps`, $z\, 1[z + b > 0]$; kept where $\max(z + b, 0)$ is among the `active` largest of a row
    or, with `shared`, among that many per row of the whole batch.
    """

    active: Real = leaf(_ALL, "positive")
    shared: Bool[Array, ""] = leaf(False, "switch")
    jumps: Bool[Array, ""] = leaf(False, "switch")

    def codes(self, inputs: pieces.Preactivations) -> Float[Array, "batch width"]:
        """Positive parts or projections, the largest kept."""
        biased = inputs.biased
        positive = jax.nn.relu(biased)
        budget = jnp.round(jnp.where(self.shared, self.active * positive.shape[0], self.active)).astype(jnp.int32)
        kept = largest_mask_of_rows(jax.lax.stop_gradient(positive), budget, self.shared) & (biased > 0)
        return jnp.where(kept, jnp.where(self.jumps, inputs.projections, positive), 0)


class Switchable(pieces.AbstractControl):
    """Another control, which may be off: what it costs is computed all the same."""

    control: pieces.AbstractControl
    on: Bool[Array, ""] = leaf(True, "switch")

    def begin(self, weights, present, projections):
        """The weights that the control begins with, or those that are given."""
        begun, state = self.control.begin(weights, present, projections)
        return self._chosen(begun, weights), state

    def penalty(self, state, weights, forward, step):
        """That of the control, or zero."""
        return jnp.where(self.on, self.control.penalty(state, weights, forward, step), 0)

    def adapt(self, state, weights, forward, step):
        """The weights that the control adapts, or those that are given."""
        adapted, state = self.control.adapt(state, weights, forward, step)
        return self._chosen(adapted, weights), state

    def _chosen(self, new, old):
        return jax.tree.map(lambda one, other: jnp.where(self.on, one, other), new, old)
