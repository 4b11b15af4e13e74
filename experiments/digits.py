"""Handwritten digits, which ship with scikit-learn, as data: pictures with classes, and activations of a network that reads them."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key
from sklearn.datasets import load_digits

from recover import ActivationProblem, ClassificationProblem, Network
from recover.models import AbstractModel


class HiddenLayer(AbstractModel[Array, ActivationProblem, Array]):
    """Activations that were recorded beforehand; nothing is planted, so the error of a dictionary has no meaning here.

    Lanes and trials see the same rows; trials differ in the batches and in the random starts.
    """

    activations: Float[Array | np.ndarray, "rows dimension"]

    def design(self, key: Key[Array, ""]) -> Key[Array, ""]:
        """Which batches are drawn."""
        return key

    def observe(self, key: Key[Array, ""], design: Key[Array, ""]) -> tuple[ActivationProblem, Array]:
        """The rows; the truth is empty."""
        return ActivationProblem(self.activations, key=design), jnp.zeros((1, self.activations.shape[1]))

    def error(self, truth: Array, estimate: Array) -> Float[Array, ""]:
        """Without a truth there is no error: one."""
        return jnp.ones((), estimate.dtype)


def hidden_activations(hidden: int, steps: int, seed: int) -> tuple[np.ndarray, float]:
    """Activations (after a rectifier) of a trained network, scaled to unit mean square norm, and its accuracy."""
    data = load_digits()
    inputs, labels = jnp.asarray(data.data / 16.0, jnp.float32), jnp.asarray(data.target)
    network = eqx.nn.MLP(inputs.shape[1], 10, hidden, 1, key=jax.random.key(seed))
    start, static = eqx.partition(network, eqx.is_array)
    optimiser = optax.adam(3e-3)

    def loss(weights):
        logits = jax.vmap(eqx.combine(weights, static))(inputs)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    def step(_, carry):
        weights, state = carry
        updates, state = optimiser.update(jax.grad(loss)(weights), state)
        return eqx.apply_updates(weights, updates), state

    @jax.jit
    def trained(weights):
        weights, _ = jax.lax.fori_loop(0, steps, step, (weights, optimiser.init(weights)))
        network = eqx.combine(weights, static)
        accuracy = jnp.mean(jnp.argmax(jax.vmap(network)(inputs), axis=1) == labels)
        return jax.vmap(lambda x: jax.nn.relu(network.layers[0](x)))(inputs), accuracy

    # Optax raises a number to the power of a count of steps.
    with jax.numpy_dtype_promotion("standard"):
        rows, accuracy = (np.asarray(each) for each in trained(start))
    return rows / np.sqrt(np.mean(np.sum(rows**2, axis=1))), float(accuracy)


@functools.cache
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """1797 pictures of 8 x 8 pixels, with mean zero and variance one over all pixels, and their classes as ones in rows."""
    data = load_digits()
    inputs = data.data.astype(np.float32)
    return (inputs - inputs.mean()) / inputs.std(), np.eye(10, dtype=np.float32)[data.target]


class Digits(AbstractModel):
    """Pictures in random order: the first `training` are to learn from, the truth is the rest."""

    training: int = eqx.field(static=True)

    def design(self, key: Key[Array, ""]) -> Array:
        """The order."""
        return jax.random.permutation(key, pictures()[0].shape[0])

    def observe(self, key: Key[Array, ""], design: Array):
        """Pictures to learn from, and (pictures, classes) that are held out."""
        inputs, classes = (jnp.asarray(part)[design] for part in pictures())
        cut = self.training
        return ClassificationProblem(inputs[:cut], classes[:cut]), (inputs[cut:], classes[cut:])

    def error(self, truth, estimate: Network) -> Float[Array, ""]:
        """Share of the held-out pictures that are given a wrong class."""
        inputs, classes = truth
        guessed = jnp.argmax(estimate(inputs), axis=1)
        return jnp.mean((guessed != jnp.argmax(classes, axis=1)).astype(inputs.dtype))

    def metrics(self, truth, estimate: Network) -> dict[str, Float[Array, ""]]:
        """`accuracy` on the held-out pictures."""
        return {"accuracy": 1 - self.error(truth, estimate)}
