"""From pre-activations to codes: which neurons speak, and how loudly."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...core.fields import AbstractModule, Real, integer, leaf
from ...core.selection import largest_mask
from ...core.units import Units

__all__ = ["AbstractActivation", "BatchTopK", "JumpReLU", "Preactivations", "ReLU", "Threshold", "TopK"]


class Preactivations(eqx.Module):
    r"""What an activation may look at, for a batch of inputs.

    - `centred`: $x - b_{dec}$.
    - `projections`: $z = W_{enc} (x - b_{dec})$, zero for neurons that are padding.
    - `bias`: $b_{enc}$, one number per neuron.
    - `norms`: lengths of the vectors with which codes enter the reconstruction, $|a_m| \|w_m\|$.
    - `log_thresholds`: trained by activations with thresholds of their own; `None` for others.
    """

    centred: Float[Array, "batch dimension"]
    projections: Float[Array, "batch width"]
    bias: Float[Array, " width"]
    norms: Float[Array, " width"]
    log_thresholds: Float[Array, " width"] | None

    @property
    def biased(self) -> Float[Array, "batch width"]:
        """The sum $z + b_{enc}$ that decides whether a neuron speaks."""
        return self.projections + self.bias[None, :]


class AbstractActivation(AbstractModule):
    """Maps pre-activations to codes. `SparseAutoencoder` casts its numbers to the precision of the inputs."""

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "AbstractActivation | None":
        """The activation for rows that were divided by a unit: itself, as here, where it has no number in their unit."""
        return self

    @abc.abstractmethod
    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """The codes of a batch; zero for a neuron whose projection and bias are zero."""

    def log_thresholds(self, width: int) -> Float[Array, " width"] | None:
        """Where trained thresholds start; `None` for activations without."""
        return None


class ReLU(AbstractActivation):
    r"""$\max(z + b, 0)$."""

    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """The positive parts."""
        return jax.nn.relu(inputs.biased)


class JumpReLU(AbstractActivation):
    r"""$z\, 1[z + b > 0]$: the bias decides how often a neuron speaks, and not how loudly.

    No gradient reaches the bias, which is left to a control such as `GroupBiasAdaptation`. Source: Chen et al. (chen2025); the exact
    form is inferred.
    """

    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """Projections of neurons above their thresholds."""
        return jnp.where(inputs.biased > 0, inputs.projections, 0)


class TopK(AbstractActivation):
    r"""The `active` largest of $\max(z + b, 0)$ in every row.

    `active` is traced: the threshold is found bit by bit with counts (`recover.core.selection`), so neither a sort nor a new
    compilation per number is needed.
    """

    active: Int[Array, ""] = integer(1)

    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """Positive parts, the largest kept."""
        positive = jax.nn.relu(inputs.biased)
        kept = jax.vmap(lambda row: largest_mask(row, self.active))(jax.lax.stop_gradient(positive))
        return jnp.where(kept, positive, 0)


class BatchTopK(AbstractActivation):
    """The `active` times batch size largest positive parts of the whole batch, so rows share a budget.

    Codes of a row depend on its batch; `SparseAutoencoder.with_fixed_threshold` gives ones that do not, for inference.
    """

    active: Real = leaf(rule="positive")

    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """Positive parts, the largest of the batch kept."""
        positive = jax.nn.relu(inputs.biased)
        budget = jnp.round(self.active * positive.shape[0]).astype(jnp.int32)
        kept = largest_mask(jax.lax.stop_gradient(positive).reshape(-1), budget).reshape(positive.shape)
        return jnp.where(kept, positive, 0)


class Threshold(AbstractActivation):
    r"""$p\, 1[p > \tau_m]$ with $p = \max(z + b, 0)$ and trained thresholds $\tau_m = e^{\theta_m}$.

    The jump has no derivative with respect to $\tau$; as in JumpReLU autoencoders (rajamanoharan2024) it is taken to be $-\tau / h$ within half a
    bandwidth $h$ of the jump, and zero elsewhere. Bandwidths are in units of the inputs: 0.05 for inputs of unit power.
    """

    bandwidth: Real = leaf(0.05, "positive")
    start: Real = leaf(0.05, "positive")

    def in_units(self, units, weights):
        """Both numbers are as long as the rows."""
        changed = tuple(units.times(each, 0, -1) for each in (self.bandwidth, self.start))
        return eqx.tree_at(lambda activation: (activation.bandwidth, activation.start), self, changed)

    def codes(self, inputs: Preactivations) -> Float[Array, "batch width"]:
        """Positive parts above their thresholds."""
        positive = jax.nn.relu(inputs.biased)
        thresholds = jnp.broadcast_to(jnp.exp(inputs.log_thresholds)[None, :], positive.shape)
        return jump(positive, thresholds, self.bandwidth)

    def log_thresholds(self, width: int) -> Float[Array, " width"]:
        """The logarithm of `start` for every neuron."""
        return jnp.full((width,), jnp.log(self.start))


@jax.custom_vjp
def jump(
    value: Float[Array, "batch width"], threshold: Float[Array, "batch width"], bandwidth: Float[Array, ""]
) -> Float[Array, "batch width"]:
    """`value` where it exceeds `threshold`, else zero; the threshold has the derivative of a smoothed jump."""
    return jnp.where(value > threshold, value, 0)


def _jump_forward(value, threshold, bandwidth):
    return jump(value, threshold, bandwidth), (value, threshold, bandwidth)


def _jump_backward(kept, cotangent):
    value, threshold, bandwidth = kept
    near = jnp.abs(value - threshold) < bandwidth / 2
    slope = jnp.where(near, -threshold / bandwidth, 0)
    return jnp.where(value > threshold, cotangent, 0), slope * cotangent, jnp.zeros_like(bandwidth)


jump.defvjp(_jump_forward, _jump_backward)


@jax.custom_vjp
def step(
    value: Float[Array, "batch width"], threshold: Float[Array, "batch width"], bandwidth: Float[Array, ""]
) -> Float[Array, "batch width"]:
    """One where `value` exceeds `threshold`, else zero; only the threshold has a derivative, that of a smoothed step."""
    return (value > threshold).astype(value.dtype)


def _step_forward(value, threshold, bandwidth):
    return step(value, threshold, bandwidth), (value, threshold, bandwidth)


def _step_backward(kept, cotangent):
    value, threshold, bandwidth = kept
    near = jnp.abs(value - threshold) < bandwidth / 2
    return jnp.zeros_like(value), jnp.where(near, -1 / bandwidth, 0) * cotangent, jnp.zeros_like(bandwidth)


step.defvjp(_step_forward, _step_backward)
