"""Deep trees, balanced and not, with densities that fall geometrically towards the root, as one sweep."""

import pandas as pd
import pydantic

from recover import Table, trees

from ..fields import Count, Positive
from ..figure import Sweep
from .common import CommunityFigure, Rates, algorithms, means, per_depth, planted


class Unbalanced(CommunityFigure):
    """Trees of one depth and number of units are traced, as ratios are: one program per algorithm."""

    depth: Count
    trees: dict[str, tuple[Count, ...]] = pydantic.Field(min_length=1)
    last: Positive
    ratios: Rates
    top_down_levels: Count
    restarts: Count = 8

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for sizes in self.trees.values():
            trees.collapsed_tree(trees.balanced_tree(self.depth), sizes)
        return self

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        return {
            "ratios": Sweep(self._cell, {"shape": list(self.trees), "ratio": self.ratios}, self.trials, self.options())
        }

    def _cell(self, shape, ratio):
        table = trees.collapsed_tree(trees.balanced_tree(self.depth), self.trees[shape])
        model = planted(table, self.size, trees.geometric_densities(self.last, ratio, self.depth))
        return model, algorithms(self.top_down_levels, True, self.restarts)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over graphs."""
        frame = swept["ratios"].frame
        columns = [*per_depth(self.depth, "accuracy"), "inversions", "leaves", "tree_recovered", "tree_correlation"]
        columns.append("leaf_accuracy")
        leaves = pd.DataFrame(
            {"shape": list(self.trees), "planted_leaves": [len(sizes) for sizes in self.trees.values()]}
        )
        return {"curves": means(frame, ["shape", "solver", "ratio"], columns), "leaves": leaves}
