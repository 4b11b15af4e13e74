"""Final error against the search rank, for a small and a large start."""

import pandas as pd

from recover import Table

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Scales, Share, Step, medians, subgradient_method


class SearchRank(MatrixFigure):
    """The search rank is traced: one program."""

    samples: Count
    corruption: Share
    outlier_scale: Positive
    search_ranks: tuple[Count, ...]
    initial_scales: Scales
    step: Step

    def sweeps(self) -> dict[str, Sweep]:
        """Search rank by initial scale."""
        axes = {"search_rank": self.search_ranks, "initial_scale": self.initial_scales}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, search_rank, initial_scale):
        model = self.model(self.samples, corruption=self.corruption, outlier_scale=self.outlier_scale)
        return model, subgradient_method(search_rank, initial_scale, self.step)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Median errors."""
        return {"errors": medians(swept["runs"].frame, ["initial_scale", "search_rank"])}
