"""Rows of two sparsities: who needs to be told how sparse they are."""

from typing import Literal

from recover import models, solvers

from ..fields import Count, Counts
from ..figure import Axis, Sweep
from ..summaries import means
from .common import Range, TrainingFigure


class FrequencyAwareness(TrainingFigure):
    """Half of the rows have few active features and half have many; all trainings, and the analysed form."""

    scaling: Axis[Literal["power", "unit"]]
    dimension: Count
    features: Count
    actives: Counts
    provable_width: Count
    provable_samples: Count
    provable_steps: Count
    provable_ranges: dict[str, Range]

    def _model(self, scaling, **options):
        return models.PlantedFeatures(self.dimension, self.features, self.actives, scaling=scaling, **options)

    def cell(self, scaling):
        return self._model(scaling, summary_rows=512), self.trainings()

    def _analysed(self, scaling):
        width, rows = self.provable_width, self.provable_samples
        return self._model(scaling, samples=rows, summary_rows=1), {
            name: solvers.SphericalBiasAdaptation(width, each.highest, each.lowest, each.groups, batch=rows)
            for name, each in self.provable_ranges.items()
        }

    def sweeps(self):
        analysed = self.options(max_steps=self.provable_steps)
        return {
            "trained": super().sweeps(),
            "provable": Sweep(self._analysed, self.axes(), self.trials, analysed),
        }

    def tables(self, swept):
        provable = means(swept["provable"], ["scaling", "solver"], ["recovered_80", "recovered_90"])
        return {
            "trained": self.by_setting(swept["trained"], "scaling"),
            "provable": provable.rename(columns={"solver": "name"}),
        }
