"""Trained autoencoders over width and number of distinct rows: memorising against identifying."""

import pandas as pd
import pydantic

from recover import Table, models

from ..fields import Counts, Positive
from ..figure import Sweep
from ..summaries import means
from .common import COLUMNS, TrainingFigure, atoms, crossings, explained


class DataSize(TrainingFigure):
    """Width and number of rows are traced: one program."""

    samples: Counts
    penalty: Positive
    level: Positive = pydantic.Field(lt=1)

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {"samples": self.samples, "width": self.widths}
        return {"trained": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, samples, width):
        features = atoms(self.dimension, self.features, self.active, samples=samples)
        return models.PlantedAtoms(features, rows=self.rows), self.training(width, self.penalty)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means with intervals, and widths from which training rows are explained."""
        frame = explained(swept["trained"])
        return {
            "trained": means(frame, ["samples", "width"], COLUMNS),
            "widths": crossings(frame, ["samples"], "width", "explained_training", self.level, self.seed),
        }
