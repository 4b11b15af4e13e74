"""Support recovery over samples and density."""

from recover import models

from ..fields import Count, Positive, Share
from ..figure import Axis
from ..summaries import summarise
from .common import PruningFigure, Widths


class Recovery(PruningFigure):
    """Samples, density and all that tells methods apart are traced: one program."""

    widths: Widths
    samples: Axis[Count]
    density: Axis[Share]
    scale: Positive

    def cell(self, samples, density):
        methods = self.methods((), max(self.samples))
        methods.pop("one shot")
        return models.SparseTeacher(self.widths, samples, density, self.scale), methods

    def tables(self, swept):
        return {"cells": summarise(swept, ["samples", "density", "solver"], f1="mean")}
