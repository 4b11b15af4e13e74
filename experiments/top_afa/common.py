"""What the figures of this paper share: planted rows with their codes, trainings that are watched, intervals of means."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pydantic
from jaxtyping import Array, Int

from recover import autoencoders as pieces
from recover import diagnostics, models, solvers
from recover.core.leaves import leaf
from recover.core.results import Result
from recover.core.sizes import Capacities, capacities_field, with_capacities
from recover.problems import PlantedActivations

Weight = Annotated[float, pydantic.Field(ge=0)]
Weights = Annotated[tuple[Weight, ...], pydantic.Field(min_length=1)]

# Coefficients are uniform on [1/2, 3/2].
FLATNESS = 12 / 13
"""(E f)^2 / E f^2."""
KURTOSIS = (1.5**5 - 0.5**5) / 5 / (13 / 12) ** 2
"""E f^4 / (E f^2)^2."""
# Numbers of rows that no training reaches.
_UNSEEN = 2**29


@eqx.filter_jit
def planted_rows(model: models.PlantedFeatures, key, rows: int) -> tuple[Array, Array, Array]:
    """Planted features, rows and their codes: shapes (features, dimension), (rows, dimension) and (rows, features)."""
    problem, features = model.sample(key)
    numbers = jnp.arange(rows, dtype=jnp.int32)
    return features, problem.rows(numbers), problem.codes(numbers)


def planted(model: models.PlantedFeatures, seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`planted_rows` of a seed, as NumPy arrays."""
    return tuple(np.asarray(each) for each in planted_rows(model, jax.random.key(seed), rows))


class WatchedTraining(solvers.AbstractSolver):
    """A training of a planted problem that is measured, on rows that it has not seen, against what was planted.

    It ends after `stop` steps. `warm` starts it at the planted features.
    """

    training: solvers.AutoencoderTraining
    stop: Int[Array, ""] = leaf()
    rows: int = eqx.field(static=True)
    warm: bool = eqx.field(static=True)
    capacities: Capacities = capacities_field()

    def __init__(self, training: solvers.AutoencoderTraining, stop: int, rows: int = 512, warm: bool = False):
        # Capacities are padding, which belongs to the outermost module.
        self.capacities = training.capacities
        self.training = with_capacities(training, None)
        self.stop, self.rows, self.warm = np.asarray(stop, np.int32), rows, warm

    @property
    def _training(self) -> solvers.AutoencoderTraining:
        return with_capacities(self.training, dict(self.capacities))

    def init(self, problem: PlantedActivations, key):
        """The training's start, or the planted features."""
        training = self._training
        if self.warm:
            start = pieces.GivenRows(problem.features)
            training = eqx.tree_at(lambda tree: tree.encoder, training, start)
        return training.init(problem, key)

    def step(self, problem, state):
        """One batch."""
        return self._training.step(problem, state)

    def status(self, problem, state) -> Result:
        """Converged at `stop`."""
        result = Result.where(state.steps >= jnp.asarray(self.stop), Result.converged, Result.running)
        return Result.where(jnp.isfinite(state.loss), result, Result.diverged)

    def estimate(self, problem, state):
        """The decoder."""
        return state.weights.decoder

    def stats(self, problem: PlantedActivations, state) -> dict[str, Array]:
        """Of the training's own activation, and prefixed with `afa_` of the norm-matched one with the same weights.

        Mean numbers of active neurons, their correlation with the planted numbers over rows, median norm ratio, and mean
        normalised error.
        """
        numbers = _UNSEEN + jnp.arange(self.rows, dtype=jnp.int32)
        inputs = problem.rows(numbers)
        planted = jnp.sum(problem.codes(numbers) != 0, axis=1).astype(inputs.dtype)
        own = self._training.autoencoder(state)
        matched = pieces.SparseAutoencoder(state.weights, pieces.TopAFA())
        found = {"planted": jnp.mean(planted)}
        for prefix, autoencoder in (("", own), ("afa_", matched)):
            codes = autoencoder.encode(inputs)
            counts = jnp.sum(codes != 0, axis=1).astype(inputs.dtype)
            found |= {
                f"{prefix}l0": jnp.mean(counts),
                f"{prefix}correlation": correlation(counts, planted),
                f"{prefix}ratio": jnp.median(diagnostics.norm_ratio(inputs, codes)),
                f"{prefix}error": jnp.mean(diagnostics.normalised_error(inputs, autoencoder.decode(codes))),
            }
        # The name of a column that sweeps have.
        found["nmse"], found["afa_nmse"] = found.pop("error"), found.pop("afa_error")
        return found


def correlation(first: Array, second: Array) -> Array:
    """Pearson's; zero where either is constant."""
    first, second = first - jnp.mean(first), second - jnp.mean(second)
    spread = jnp.sqrt(jnp.sum(first**2) * jnp.sum(second**2))
    return jnp.where(spread > 0, jnp.sum(first * second) / jnp.where(spread > 0, spread, 1), 0)
