"""Support recovery over samples and density, with pruning as a solver of the sweep engine."""

from typing import Annotated

import pandas as pd
import pydantic

from recover import Table, models

from ..fields import Count, Positive
from ..figure import Sweep
from .common import PruningFigure, Share


class Recovery(PruningFigure):
    """One sweep: samples, density and all that tells methods apart are traced."""

    inputs: Count
    classes: Count
    samples: Annotated[tuple[Count, ...], pydantic.Field(min_length=2)]
    densities: Annotated[tuple[Share, ...], pydantic.Field(min_length=2)]
    scale: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {"samples": self.samples, "density": self.densities}
        options = {"seed": self.seed, "max_steps": self.iterations + 1}
        return {"runs": Sweep(self._cell, axes, self.trials, options)}

    def _cell(self, samples, density):
        model = models.SparseTeacher((self.inputs, self.classes), samples, density, self.scale)
        methods = self.methods((), max(self.samples))
        methods.pop("one shot")
        return model, methods

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances of the support after the last iteration."""
        frame = swept["runs"].frame
        grouped = frame.groupby(["samples", "density", "solver"], sort=False)
        columns = ["f1", "accuracy", "agreement", "share", "steps"]
        return {"cells": grouped[columns].mean().join(grouped["f1"].std().rename("f1_sd")).reset_index()}
