"""Reconstruction against sparsity, consistency over starts, and groups, on features whose frequencies follow Zipf's law."""

import pandas as pd
import pydantic

from recover import Table, models, theory

from ..fields import Count, Counts, Grid
from ..figure import Sweep
from ..summaries import means
from .common import Range, TrainingFigure
from .frequency_awareness import COLUMNS


class Frontier(TrainingFigure):
    """A stand-in for activations of a language model: independent features of very different frequencies."""

    dimension: Count
    features: Count
    ceiling: float = pydantic.Field(gt=0, le=1)
    mass: float = pydantic.Field(gt=0)
    noise: float = pydantic.Field(ge=0)
    ranges: dict[str, Range]
    topk: Counts
    penalties: Grid

    @property
    def _methods(self) -> dict[str, tuple]:
        return {"GBA": tuple(self.ranges.values()), "TopK": self.topk, "L1": self.penalties}

    def sweeps(self) -> dict[str, Sweep]:
        """All trainings."""
        return {"trained": Sweep(self._cell, {"once": [0]}, self.trials, self.options())}

    def _cell(self, once):
        frequencies = models.zipf_frequencies(self.features, ceiling=self.ceiling, mass=self.mass)
        model = models.PlantedFeatures(
            self.dimension,
            self.features,
            frequencies=frequencies,
            coefficients="lognormal",
            noise=self.noise,
            summary_rows=512,
        )
        return model, self.trainings(self._methods)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means with intervals by method and setting."""
        trained = self.labelled(swept["trained"].frame, self._methods)
        is_gba = trained["method"] == "GBA"
        numbers = trained.loc[is_gba, "solver"].str.rsplit(": ", n=1).str[1].astype(int)
        trained.loc[is_gba, "name"] = numbers.map(dict(enumerate(self.ranges)))
        frequencies = models.zipf_frequencies(self.features, ceiling=self.ceiling, mass=self.mass)
        chance = float(theory.chance_recovery(self.dimension, self.width, 0.9))
        return {
            "trained": means(trained, ["method", "setting", "name"], COLUMNS),
            "facts": pd.DataFrame({"mean_active": [float(frequencies.sum())], "chance": [chance]}),
        }
