"""What the figures of this paper share: planted rows with their codes, what is measured of a training."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pydantic
from jaxtyping import Array

from recover import autoencoders as pieces
from recover import diagnostics, models, solvers
from recover.core.results import Result
from recover.problems import PlantedActivations

Weight = Annotated[float, pydantic.Field(ge=0)]
Weights = Annotated[tuple[Weight, ...], pydantic.Field(min_length=1)]

# Coefficients are uniform on [1/2, 3/2].
FLATNESS = 12 / 13
"""(E f)^2 / E f^2."""
KURTOSIS = (1.5**5 - 0.5**5) / 5 / (13 / 12) ** 2
"""E f^4 / (E f^2)^2."""
# What a training is judged by on rows that it has not seen.
UNSEEN = ("l0", "nmse", "ratio", "correlation")
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


class PlantedStart(solvers.AbstractSolver):
    """A training that starts at the planted features, which only an oracle knows."""

    training: solvers.AutoencoderTraining

    def init(self, problem: PlantedActivations, key):
        """The planted features as detectors and decoder."""
        start = pieces.GivenRows(problem.features)
        return eqx.tree_at(lambda tree: tree.encoder, self.training, start).init(problem, key)

    def step(self, problem, state):
        """One batch."""
        return self.training.step(problem, state)

    def status(self, problem, state) -> Result:
        """That of the training."""
        return self.training.status(problem, state)

    def estimate(self, problem, state):
        """The decoder."""
        return self.training.estimate(problem, state)

    def autoencoder(self, state) -> pieces.SparseAutoencoder:
        """The autoencoder as it is now."""
        return self.training.autoencoder(state)


def unseen(model, truth, problem: PlantedActivations, solver, state, rows: int = 512) -> dict[str, Array]:
    """A training measured against what was planted, on rows that it has not seen.

    With its own activation (`unseen_`) and with the norm-matched one in its place (`afa_`): mean number of active neurons
    `l0`, its `correlation` over rows with the planted number, median norm `ratio`, and mean normalised error `nmse`.
    `planted` is the mean planted number, `found_90` the share of features that the decoder has.
    """
    numbers = _UNSEEN + jnp.arange(rows, dtype=jnp.int32)
    inputs = problem.rows(numbers)
    planted = jnp.sum(problem.codes(numbers) != 0, axis=1).astype(inputs.dtype)
    own = solver.autoencoder(state)
    matched = pieces.SparseAutoencoder(state.weights, pieces.TopAFA())
    found = {"planted": jnp.mean(planted), "found_90": model.metrics(truth, state.weights.decoder)["recovered_90"]}
    for prefix, autoencoder in (("unseen", own), ("afa", matched)):
        codes = autoencoder.encode(inputs)
        counts = jnp.sum(codes != 0, axis=1).astype(inputs.dtype)
        found |= {
            f"{prefix}_l0": jnp.mean(counts),
            f"{prefix}_correlation": correlation(counts, planted),
            f"{prefix}_ratio": jnp.median(diagnostics.norm_ratio(inputs, codes)),
            f"{prefix}_nmse": jnp.mean(diagnostics.normalised_error(inputs, autoencoder.decode(codes))),
        }
    return found


def correlation(first: Array, second: Array) -> Array:
    """Pearson's; zero where either is constant."""
    first, second = first - jnp.mean(first), second - jnp.mean(second)
    spread = jnp.sqrt(jnp.sum(first**2) * jnp.sum(second**2))
    return jnp.where(spread > 0, jnp.sum(first * second) / jnp.where(spread > 0, spread, 1), 0)
