"""What the figures of this paper share: planted rows with their codes, what is measured of a training."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic
from jaxtyping import Array

from recover import Table, diagnostics, models
from recover import autoencoders as pieces
from recover.problems import PlantedActivations

from ..fields import Count, Counts, Positive
from ..figure import SweepFigure

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
            # Where all rows have the same number there is no correlation.
            f"{prefix}_correlation": jnp.nan_to_num(jnp.corrcoef(counts, planted)[0, 1]),
            f"{prefix}_ratio": jnp.median(diagnostics.norm_ratio(inputs, codes)),
            f"{prefix}_nmse": jnp.mean(diagnostics.normalised_error(inputs, autoencoder.decode(codes))),
        }
    return found


class TrainingFigure(SweepFigure):
    """Trainings of standardised planted rows with supports of several sizes, measured on rows that they have not seen."""

    measure = unseen

    dimension: Count
    features: Count
    actives: Counts
    batch: Count
    rate: Positive
    weights: Weights

    def model(self) -> models.PlantedFeatures:
        """The planted rows."""
        sizes = self.dimension, self.features, self.actives
        return models.PlantedFeatures(*sizes, scaling="standard", summary_rows=256)

    def norm_matching(self, weight: float) -> pieces.NormMatching:
        """The loss of top-AFA."""
        return pieces.NormMatching.published(weight, self.dimension)

    def optimiser(self) -> pieces.Adam:
        """Adam with the second decay of the authors."""
        return pieces.Adam(self.rate, steps=self.max_steps, decay_square=0.99)

    @staticmethod
    def on_unseen_rows(swept: Table) -> pd.DataFrame:
        """Rows whose statistics of codes are those on rows that training has not seen."""
        return swept.frame.assign(**{name: swept.frame[f"unseen_{name}"] for name in UNSEEN})
