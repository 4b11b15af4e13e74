"""Trained autoencoders over width and number of distinct rows: memorising against identifying."""

import pandas as pd

from recover import models

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis
from ..summaries import crossing
from .common import TrainingFigure, atoms


class DataSize(TrainingFigure):
    """Width and number of rows are traced: one program."""

    samples: Axis[Count]
    width: Axis[Count]
    penalty: Positive
    level: ProperFraction

    def cell(self, samples, width):
        features = atoms(self.dimension, self.features, self.active, samples=samples)
        return models.PlantedAtoms(features, rows=self.rows), self.training(width, self.penalty)

    def tables(self, swept):
        trained = self.trained(swept, "samples", "width")
        # The width from which training rows are explained.
        widths = [
            (samples, crossing(rows["width"], rows["explained_training"], self.level))
            for samples, rows in trained.groupby("samples")
        ]
        return {"trained": trained, "widths": pd.DataFrame(widths, columns=["samples", "width"])}
