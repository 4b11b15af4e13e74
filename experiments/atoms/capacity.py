"""Trained autoencoders of growing width: reconstruction, recovery, and how many neurons stay alive."""

import pandas as pd
import pydantic

from recover import Table, models

from ..fields import Count, Nonnegative, Positive
from ..figure import Sweep
from ..summaries import means
from .common import COLUMNS, Condition, TrainingFigure, atoms, crossings, explained


class Variant(pydantic.BaseModel):
    """A penalty, a conditioning of the representation, and whether rows are whitened before training."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    penalty: Positive
    condition: Condition
    whitened: bool
    shift: Nonnegative = 0.0


class Capacity(TrainingFigure):
    """Width and all numbers of the variants are traced: one program."""

    samples: Count
    variants: dict[str, Variant]
    level: Positive = pydantic.Field(lt=1)

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {"variant": list(self.variants), "width": self.widths}
        return {"trained": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, variant, width):
        chosen = self.variants[variant]
        features = atoms(
            self.dimension, self.features, self.active, chosen.condition, chosen.shift, samples=self.samples
        )
        return models.PlantedAtoms(features, chosen.whitened, rows=self.rows), self.training(width, chosen.penalty)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means with intervals by variant and width, and the widths that recover a share of the atoms."""
        frame = explained(swept["trained"])
        return {
            "trained": means(frame, ["variant", "width"], COLUMNS),
            "widths": crossings(frame, ["variant"], "width", "recovered_90", self.level, self.seed),
        }
