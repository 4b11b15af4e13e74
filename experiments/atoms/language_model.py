"""A stand-in for hidden states of a language model: atoms, features of a narrow autoencoder, neurons."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, models
from recover.dictionaries.atomic_inner_product import second_moment, stability, whitening

from ..fields import Count, Nonnegative, Positive
from ..figure import Sweep
from ..summaries import means
from .common import COLUMNS, Condition, TrainingFigure, drawn, explained


class LanguageModel(TrainingFigure):
    """Atoms with frequencies of Zipf's law; `active` is the mean number of active atoms, the first of `widths` the narrow one."""

    penalty: Positive
    narrow_penalty: Positive
    condition: Condition
    shift: Nonnegative
    exponent: Positive
    summary_rows: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Autoencoders of thresholds, on whitened rows and on raw ones, and a narrow one."""
        return {"trained": Sweep(self._cell, {"whitened": [0, 1]}, self.trials, self.options())}

    @property
    def _frequencies(self) -> np.ndarray:
        weights = 1 / np.arange(1, self.features + 1) ** self.exponent
        return np.minimum(self.active * weights / weights.sum(), 1.0)

    def _features(self) -> models.PlantedFeatures:
        return models.PlantedFeatures(
            self.dimension, self.features, frequencies=self._frequencies, coefficient_range=(0.5, 1.0),
            coherence=self.shift**2 / (1 + self.shift**2), condition_number=self.condition,
            summary_rows=self.summary_rows, equal_lengths=False,
        )  # fmt: skip

    def _cell(self, whitened):
        narrow, wide = min(self.widths), max(self.widths)
        model = models.PlantedAtoms(self._features(), whitened, rows=self.rows)
        trained = {"atoms": self.training(wide, self.penalty)}
        if not whitened:
            trained["features"] = self.training(narrow, self.narrow_penalty)
        return model, trained

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Reconstruction and stability of units, with intervals."""
        frame = explained(swept["trained"])
        names = {("atoms", 1): "atoms, whitened", ("atoms", 0): "atoms, raw", ("features", 0): "narrow features"}
        frame["unit"] = [names[pair] for pair in zip(frame["solver"], frame["whitened"], strict=True)]
        trained = means(frame, ["unit"], COLUMNS)
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        others = jax.tree.map(np.asarray, jax.jit(lambda k: jax.lax.map(self._untrained, k))(keys))
        rows = [
            {"unit": unit, "trial": trial, "explained": explains, "stability": float(values[trial])}
            for unit, explains, values in (
                ("neurons", 1.0, others["neurons"]),
                ("planted atoms", 1.0, others["planted"]),
            )
            for trial in range(self.trials)
        ]
        untrained = means(pd.DataFrame(rows), ["unit"], ["explained", "stability"])
        return {"units": pd.concat([trained, untrained], ignore_index=True)}

    def _untrained(self, key):
        model = self._features()
        stream, directions = drawn(model, key)
        rows, mask = stream.summary()
        root = whitening(second_moment(rows, mask))
        counts = jnp.sum(stream.codes(jnp.arange(self.summary_rows, dtype=jnp.int32)) > 0, axis=1, dtype=jnp.int32)
        return {
            "neurons": stability(root, jnp.full((1,), self.dimension, jnp.int32)),
            "planted": stability(directions @ root, counts),
        }
