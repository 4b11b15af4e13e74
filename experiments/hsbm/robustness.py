"""How well the tree is found where the finest communities are not, against the mean degree, with and without splitting."""

import numpy as np
import pydantic

from recover import models, solvers, trees

from ..fields import Count, Positive, Share
from ..figure import Axis, SweepFigure
from ..summaries import summarise


class Robustness(SweepFigure):
    """Densities and the share of edges used for clustering, a solver each, are traced: one program."""

    size: Count
    depth: Count
    ratio: float = pydantic.Field(gt=0, lt=0.5)
    degree: Axis[Positive]
    shares: tuple[Share, ...] = pydantic.Field(min_length=1)

    def cell(self, degree):
        tree = trees.balanced_tree(self.depth)
        shape = trees.geometric_densities(1.0, self.ratio, self.depth)
        # Share of all pairs whose common ancestor has each depth.
        pairs = np.asarray([2.0 ** -(level + 1) for level in range(self.depth)] + [2.0**-self.depth])
        nodes = tree.shape[1] * self.size
        model = models.HierarchicalSBM(tree, self.size, shape * degree / (nodes * (pairs @ shape)))
        return model, {f"{share:g}": solvers.BottomUp(split=share) for share in self.shares}

    def tables(self, swept):
        means = dict.fromkeys(["inversions", *(f"lca_{level}" for level in range(self.depth + 1))], "mean")
        accuracy, exact = (f"accuracy_{self.depth}", "mean"), (f"exact_{self.depth}", "rate")
        rates = {"tree_recovered": "rate", "exact": exact}
        return {"curves": summarise(swept, ["degree", "solver"], accuracy=accuracy, **rates, **means)}
