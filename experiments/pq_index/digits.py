"""Handwritten digits that ship with scikit-learn, as a model: what is random is which of them are held out."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from sklearn.datasets import load_digits

from recover import ClassificationProblem, Network
from recover.models import AbstractModel


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
