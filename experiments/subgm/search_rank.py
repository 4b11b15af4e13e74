"""Final error against the search rank, for a small and a large start."""

from ..fields import Count, Positive
from ..figure import Axis
from ..summaries import summarise
from .common import MatrixFigure, Step, subgradient_method


class SearchRank(MatrixFigure):
    """The search rank is traced: one program."""

    samples: Count
    search_rank: Axis[Count]
    initial_scale: Axis[Positive]
    step: Step

    def cell(self, search_rank, initial_scale):
        return self.model(self.samples), subgradient_method(search_rank, initial_scale, self.step)

    def tables(self, swept):
        return {"errors": summarise(swept, ["initial_scale", "search_rank"], error="median_range")}
