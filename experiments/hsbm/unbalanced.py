"""Deep trees, balanced and not, with densities that fall geometrically towards the root."""

import pydantic

from recover import solvers, trees

from ..fields import Count, Counts, Positive
from ..figure import Axis, NamedAxis, SweepFigure
from ..summaries import summarise
from .common import algorithms, planted


class Unbalanced(SweepFigure):
    """Trees of one depth and number of units are traced, as ratios are: one program per algorithm."""

    size: Count
    depth: Count
    shape: NamedAxis[Counts]
    ratio: Axis[Positive]
    last: Positive
    top_down_levels: Count
    restarts: Count = 8

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for shape in self.shape:
            self._tree(shape)
        return self

    def _tree(self, shape: str) -> trees.Tree:
        return trees.collapsed_tree(trees.balanced_tree(self.depth), self.shape[shape])

    def cell(self, shape, ratio):
        model = planted(self._tree(shape), self.size, trees.geometric_densities(self.last, ratio, self.depth))
        return model, algorithms(solvers.TopDown(self.top_down_levels, True), self.restarts)

    def tables(self, swept):
        by = ["shape", "solver", "ratio"]
        return {"curves": summarise(swept, by, leaf_accuracy="mean", leaves="mean", inversions="mean")}
