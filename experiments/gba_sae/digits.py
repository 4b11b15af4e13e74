"""Real activations: the hidden layer of a small network that reads handwritten digits."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jaxtyping import Array, Float, Key
from sklearn.datasets import load_digits

from recover import ActivationProblem, Table
from recover.models import AbstractModel

from ..fields import Count, Counts
from ..figure import Sweep
from ..summaries import means
from .common import Range, TrainingFigure

COLUMNS = ["unexplained", "l0", "dead", "consistency", "consistency_used"]


class HiddenLayer(AbstractModel[Array, ActivationProblem, Array]):
    """Activations that were recorded beforehand; nothing is planted, so the error of a dictionary has no meaning here.

    Lanes and trials see the same rows; trials differ in the batches and in the random starts.
    """

    activations: Float[Array, "rows dimension"]

    def design(self, key: Key[Array, ""]) -> Key[Array, ""]:
        """Which batches are drawn."""
        return key

    def observe(self, key: Key[Array, ""], design: Key[Array, ""]) -> tuple[ActivationProblem, Array]:
        """The rows; the truth is empty."""
        return ActivationProblem(self.activations, key=design), jnp.zeros((1, self.activations.shape[1]))

    def error(self, truth: Array, estimate: Array) -> Float[Array, ""]:
        """Without a truth there is no error: one."""
        return jnp.ones((), estimate.dtype)


class Digits(TrainingFigure):
    """A network with one hidden layer is trained on the 1,797 digits of scikit-learn; its hidden activations are the data."""

    hidden: Count
    network_steps: Count
    ranges: dict[str, Range]
    topk: Counts

    @property
    def _methods(self) -> dict[str, tuple]:
        return {"GBA": tuple(self.ranges.values()), "TopK": self.topk}

    @functools.cached_property
    def _recorded(self) -> tuple[np.ndarray, float]:
        return hidden_activations(self.hidden, self.network_steps, self.seed)

    def sweeps(self) -> dict[str, Sweep]:
        """All trainings."""
        return {"trained": Sweep(self._cell, {"once": [0]}, self.trials, self.options())}

    def _cell(self, once):
        return HiddenLayer(self._recorded[0]), self.trainings(self._methods)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means with intervals by method and setting; how well the network classifies."""
        trained = self.labelled(swept["trained"].frame, self._methods)
        is_gba = trained["method"] == "GBA"
        numbers = trained.loc[is_gba, "solver"].str.rsplit(": ", n=1).str[1].astype(int)
        trained.loc[is_gba, "name"] = numbers.map(dict(enumerate(self.ranges)))
        rows, accuracy = self._recorded
        return {
            "trained": means(trained, ["method", "setting", "name"], COLUMNS),
            "facts": pd.DataFrame({"rows": [len(rows)], "dimension": [rows.shape[1]], "accuracy": [accuracy]}),
        }


def hidden_activations(hidden: int, steps: int, seed: int) -> tuple[np.ndarray, float]:
    """Activations (after a rectifier) of a trained network, scaled to unit mean square norm, and its accuracy."""
    data = load_digits()
    inputs, labels = jnp.asarray(data.data / 16.0, jnp.float32), jnp.asarray(data.target)
    network = eqx.nn.MLP(inputs.shape[1], 10, hidden, 1, key=jax.random.key(seed))
    optimiser = optax.adam(3e-3)

    def loss(network):
        logits = jax.vmap(network)(inputs)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    @eqx.filter_jit
    def trained(network):
        arrays, static = eqx.partition(network, eqx.is_array)

        def step(_, carry):
            arrays, state = carry
            gradient = eqx.filter_grad(loss)(eqx.combine(arrays, static))
            updates, state = optimiser.update(gradient, state)
            return eqx.apply_updates(arrays, updates), state

        arrays, _ = jax.lax.fori_loop(0, steps, step, (arrays, optimiser.init(arrays)))
        network = eqx.combine(arrays, static)
        accuracy = jnp.mean(jnp.argmax(jax.vmap(network)(inputs), axis=1) == labels)
        return jax.vmap(lambda x: jax.nn.relu(network.layers[0](x)))(inputs), accuracy

    rows, accuracy = trained(network)
    rows = np.asarray(rows)
    return rows / np.sqrt(np.mean(np.sum(rows**2, axis=1))), float(accuracy)
