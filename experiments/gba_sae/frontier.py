"""Reconstruction against sparsity, consistency over starts, and groups, on features whose frequencies follow Zipf's law."""

import numpy as np
import pandas as pd

from recover import models, theory

from ..fields import Count, Nonnegative, Positive, Share
from .common import TrainingFigure


class Frontier(TrainingFigure):
    """A stand-in for activations of a language model: independent features of very different frequencies."""

    dimension: Count
    features: Count
    ceiling: Share
    mass: Positive
    noise: Nonnegative

    @property
    def _frequencies(self) -> np.ndarray:
        return models.zipf_frequencies(self.features, ceiling=self.ceiling, mass=self.mass)

    def cell(self):
        model = models.PlantedFeatures(
            self.dimension,
            self.features,
            frequencies=self._frequencies,
            coefficients="lognormal",
            noise=self.noise,
            summary_rows=512,
        )
        return model, self.trainings()

    def tables(self, swept):
        return {"trained": self.by_setting(swept)}

    def predictions(self):
        chance = float(theory.chance_recovery(self.dimension, self.width, 0.9))
        return {"facts": pd.DataFrame({"mean_active": [float(self._frequencies.sum())], "chance": [chance]})}
