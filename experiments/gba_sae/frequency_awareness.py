"""Rows of two sparsities: who needs to be told how sparse they are."""

from typing import Literal

import numpy as np
import pandas as pd

from recover import Table, models, solvers, theory

from ..fields import Count, Counts, Grid, Positive
from ..figure import Sweep
from ..summaries import means
from .common import Range, TrainingFigure

COLUMNS = [
    "recovered_80", "recovered_90", "mean_cosine", "unexplained", "l0", "dead", "consistency", "consistency_used",
]  # fmt: skip


class FrequencyAwareness(TrainingFigure):
    """Half of the rows have few active features and half have many."""

    dimension: Count
    features: Count
    actives: Counts
    ranges: dict[str, Range]
    topk: Counts
    batch_topk: Grid
    penalties: Grid
    scalings: tuple[Literal["power", "unit"], ...] = ("power", "unit")
    provable_width: Count
    provable_samples: Count
    provable_steps: Count
    provable_ranges: dict[str, Range]
    level: Positive = 0.9

    @property
    def _methods(self) -> dict[str, tuple]:
        return {
            "GBA": tuple(self.ranges.values()),
            "TopK": self.topk,
            "BatchTopK": self.batch_topk,
            "L1": self.penalties,
        }

    def _model(self, scaling: str, **options) -> models.PlantedFeatures:
        return models.PlantedFeatures(self.dimension, self.features, self.actives, scaling=scaling, **options)

    def sweeps(self) -> dict[str, Sweep]:
        """All trainings, and the analysed form."""
        provable = {
            name: solvers.SphericalBiasAdaptation(
                self.provable_width, each.highest, each.lowest, each.groups, batch=self.provable_samples
            )
            for name, each in self.provable_ranges.items()
        }
        options = {"seed": self.seed, "max_steps": self.provable_steps}
        axes = {"scaling": self.scalings}

        def trained(scaling):
            return self._model(scaling, summary_rows=512), self.trainings(self._methods)

        def analysed(scaling):
            return self._model(scaling, samples=self.provable_samples, summary_rows=1), provable

        return {
            "trained": Sweep(trained, axes, self.trials, self.options()),
            "provable": Sweep(analysed, axes, self.trials, options),
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means with intervals by method and setting, and what chance would find."""
        trained = self.labelled(swept["trained"].frame, self._methods)
        names = dict(enumerate(self.ranges))
        is_gba = trained["method"] == "GBA"
        numbers = trained.loc[is_gba, "solver"].str.rsplit(": ", n=1).str[1].astype(int)
        trained.loc[is_gba, "name"] = numbers.map(names)
        provable = means(
            swept["provable"].frame, ["scaling", "solver"], ["recovered_80", "recovered_90", "mean_cosine"]
        )
        chance = [
            [kind, width, tau, float(theory.chance_recovery(self.dimension, width, tau))]
            for kind, width in (("trained", self.width), ("provable", self.provable_width))
            for tau in (0.8, 0.9)
        ]
        return {
            "trained": means(trained, ["scaling", "method", "setting", "name"], COLUMNS),
            "provable": provable.rename(columns={"solver": "name"}),
            "chance": pd.DataFrame(chance, columns=["kind", "width", "level", "rate"]),
            "facts": pd.DataFrame(
                {
                    "mean_active": [float(np.mean(self.actives))],
                    "frequency": [float(np.mean(self.actives)) / self.features],
                }
            ),
        }
