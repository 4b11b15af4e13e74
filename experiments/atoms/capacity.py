"""Trained autoencoders of growing width: reconstruction, recovery, and how many neurons stay alive."""

import pandas as pd
import pydantic

from recover import models

from ..fields import Count, Nonnegative, Positive, ProperFraction
from ..figure import Axis, NamedAxis
from ..summaries import crossing
from .common import Condition, TrainingFigure, atoms


class Variant(pydantic.BaseModel):
    """A penalty, a conditioning of the representation, and whether rows are whitened before training."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    penalty: Positive
    condition: Condition
    whitened: bool
    shift: Nonnegative = 0.0


class Capacity(TrainingFigure):
    """Width and all numbers of the variants are traced: one program."""

    variant: NamedAxis[Variant]
    width: Axis[Count]
    samples: Count
    level: ProperFraction

    def cell(self, variant, width):
        chosen = self.variant[variant]
        sizes = self.dimension, self.features, self.active
        features = atoms(*sizes, chosen.condition, chosen.shift, samples=self.samples)
        return models.PlantedAtoms(features, chosen.whitened, rows=self.rows), self.training(width, chosen.penalty)

    def tables(self, swept):
        trained = self.trained(swept, "variant", "width")
        # The width that recovers a share of the atoms.
        widths = [
            (name, crossing(rows["width"], rows["recovered_90"], self.level))
            for name, rows in trained.groupby("variant", sort=False)
        ]
        return {"trained": trained, "widths": pd.DataFrame(widths, columns=["variant", "width"])}
