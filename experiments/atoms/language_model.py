"""A stand-in for hidden states of a language model: atoms, features of a narrow autoencoder, neurons."""

import jax.numpy as jnp
import numpy as np

from recover import models
from recover.dictionaries.atomic_inner_product import second_moment, stability, whitening

from ..fields import Count, Nonnegative, Positive
from ..summaries import means, tidied
from .common import Condition, TrainingFigure, atoms, drawn


class LanguageModel(TrainingFigure):
    """Atoms with frequencies of Zipf's law, `active` of them active in the mean.

    Trained are autoencoders of thresholds, on whitened rows and on raw ones, and a narrow one.
    """

    width: Count
    narrow_width: Count
    penalty: Positive
    narrow_penalty: Positive
    condition: Condition
    shift: Nonnegative
    exponent: Positive
    summary_rows: Count

    def axes(self):
        return {"whitened": [0, 1]}

    def _features(self) -> models.PlantedFeatures:
        weights = 1 / np.arange(1, self.features + 1) ** self.exponent
        frequencies = np.minimum(self.active * weights / weights.sum(), 1.0)
        options = {"frequencies": frequencies, "summary_rows": self.summary_rows}
        return atoms(self.dimension, self.features, None, self.condition, self.shift, **options)

    def cell(self, whitened):
        trained = {"atoms, whitened" if whitened else "atoms, raw": self.training(self.width, self.penalty)}
        if not whitened:
            trained["narrow features"] = self.training(self.narrow_width, self.narrow_penalty)
        return models.PlantedAtoms(self._features(), whitened, rows=self.rows), trained

    def tables(self, swept):
        return {"units": self.trained(swept, "solver").rename(columns={"solver": "unit"})}

    def predictions(self):
        found = drawn(self._untrained, self.trials, self.seed)
        rows = tidied({"stability": np.stack(list(found.values()))}, unit=found, trial=range(self.trials))
        return {"untrained": means(rows.assign(explained=1.0), ["unit"], ["explained", "stability"])}

    def _untrained(self, key):
        model = self._features()
        stream, directions = model.observe(key, model.design(key))
        root = whitening(second_moment(*stream.summary()))
        counts = jnp.sum(stream.codes(jnp.arange(self.summary_rows, dtype=jnp.int32)) > 0, axis=1, dtype=jnp.int32)
        return {
            "neurons": stability(root, jnp.full((1,), self.dimension, jnp.int32)),
            "planted atoms": stability(directions @ root, counts),
        }
