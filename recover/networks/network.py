"""Fully connected networks with ReLU units, as trees of arrays."""

# Not `eqx.nn.MLP`: it draws weights and biases from other streams, and masks need weights as a plain tuple.

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ..core import draws
from ..core.leaves import is_concrete

__all__ = ["Network", "forward", "initial_network", "is_cut", "layer_shapes"]


class Network(eqx.Module):
    r"""$x \mapsto W_L\, \mathrm{relu}(W_{L-1} \cdots \mathrm{relu}(W_1 x + b_1) \cdots) + b_L$, with masks of what pruning keeps.

    `weights[l]` and `kept[l]` have shape (outputs, inputs) of a layer, `biases[l]` (outputs,). Weights that have been pruned
    are zero; `kept` is one where a weight stays after the next pruning. Masks do not enter the outputs: `pruned` applies them.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    kept: tuple[Float[Array, "_ _"], ...]

    def __call__(self, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
        """Outputs (logits) for every row; with a warning where they do not depend on the row (`is_cut`)."""
        _warn_if_cut(self.weights)
        return forward(self.weights, self.biases, inputs)

    def pruned(self) -> "Network":
        """The network right after the next pruning, before it is trained again; with a warning where that cuts it."""
        weights = tuple(weight * kept for weight, kept in zip(self.weights, self.kept, strict=True))
        _warn_if_cut(weights)
        return Network(weights, self.biases, self.kept)


def is_cut(weights) -> Bool[Array, ""]:
    """Whether no path of weights that are not zero leads from an input to an output: some layer is dead."""
    reached = jnp.ones(weights[0].shape[1], bool)
    for weight in weights:
        reached = jnp.any(weight.astype(bool) & reached[None, :], axis=1)
    return ~jnp.any(reached)


def _warn_if_cut(weights) -> None:
    if all(is_concrete(weight) for weight in weights) and is_cut(weights):
        warnings.warn(
            "Network: a layer is dead: no weights that are left lead from the inputs to the outputs, which are the same for every "
            "row.",
            stacklevel=3,
        )


def forward(weights, biases, inputs: Float[Array, "rows inputs"]) -> Float[Array, "rows outputs"]:
    """Outputs of a network with ReLU units between its layers."""
    last = len(weights) - 1
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        inputs = inputs @ weight.T + bias[None, :]
        inputs = inputs if number == last else jax.nn.relu(inputs)
    return inputs


def layer_shapes(widths: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(outputs, inputs) of every layer, for the widths from inputs to outputs."""
    return tuple(zip(widths[1:], widths[:-1], strict=True))


def initial_network(key: Key[Array, ""], widths: tuple[int, ...], dtype) -> Network:
    r"""Weights uniform on $\pm 1 / \sqrt{\text{inputs}}$, biases zero, everything kept."""
    shapes = layer_shapes(widths)
    weights = tuple(
        ((2 * draws.uniform(each, shape) - 1) / shape[1] ** 0.5).astype(dtype)
        for each, shape in zip(draws.split(key, len(shapes)), shapes, strict=True)
    )
    biases = tuple(jnp.zeros(shape[0], dtype) for shape in shapes)
    return Network(weights, biases, tuple(jnp.ones(shape, dtype) for shape in shapes))
