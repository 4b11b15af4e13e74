"""How well the tree is found where the finest communities are not, against the mean degree, with and without splitting."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, trees

from ..fields import Count
from ..figure import Sweep
from .common import CommunityFigure, Rates, Share, means


class Robustness(CommunityFigure):
    """Densities and the share of edges used for clustering are traced: one program."""

    depth: Count
    ratio: float = pydantic.Field(gt=0, lt=0.5)
    degrees: Rates
    shares: tuple[Share, ...] = pydantic.Field(min_length=1)

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep; shares of edges are solvers of every cell."""
        return {"degrees": Sweep(self._cell, {"degree": self.degrees}, self.trials, self.options())}

    def _cell(self, degree):
        tree = trees.balanced_tree(self.depth)
        shape = trees.geometric_densities(1.0, self.ratio, self.depth)
        # Share of all pairs whose common ancestor has each depth.
        pairs = np.asarray([2.0 ** -(level + 1) for level in range(self.depth)] + [2.0**-self.depth])
        nodes = tree.shape[1] * self.size
        model = models.HierarchicalSBM(tree, self.size, shape * degree / (nodes * (pairs @ shape)))
        return model, {f"{share:g}": solvers.BottomUp(split=share) for share in self.shares}

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over graphs, and rates of tree recovery with exact binomial intervals."""
        table = swept["degrees"]
        bottom = f"accuracy_{self.depth}"
        columns = [
            bottom,
            "tree_correlation",
            "tree_recovered",
            "inversions",
            *(f"lca_{j}" for j in range(self.depth + 1)),
        ]
        frame = table.frame.assign(missed=1 - table.frame["tree_recovered"])
        recovered = _rates(frame, "missed")
        return {
            "curves": means(frame, ["degree", "solver"], columns),
            "recovered": recovered,
            "exact": _rates(frame.assign(missed=1 - frame[f"exact_{self.depth}"]), "missed"),
        }


def _rates(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    from recover.statistics.tables import success_table

    outcomes = frame[["degree", "solver"]].assign(success=frame[column] < 0.5)
    return success_table(outcomes, ["degree", "solver"])
