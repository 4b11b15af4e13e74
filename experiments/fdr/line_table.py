"""One dimension: errors over the number of points, for three settings."""

from ..fields import Count, Positive
from ..figure import Axis, NamedAxis
from ..summaries import summarise
from .common import LOCATED, SurfaceFigure, Weights, fdr, surface


class LineTable(SurfaceFigure):
    """The number of cells follows the samples, so each number of them is a program."""

    samples: Axis[Count]
    noise: Positive
    setting: NamedAxis[Weights]

    def cell(self, samples, setting):
        return surface(1, samples, self.noise), fdr(self.setting[setting], self.levels)

    def tables(self, swept):
        columns = dict.fromkeys(["mse", "false_positive", "false_negative", LOCATED[0]], "mean")
        return {"errors": summarise(swept, ["samples", "setting"], **columns)}
