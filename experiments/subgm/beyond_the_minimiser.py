"""Few samples: the truth is not the minimiser of the loss, yet a small start finds it."""

import pandas as pd

from recover import Table

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Share, Step, subgradient_method


class BeyondTheMinimiser(MatrixFigure):
    """Final loss and error from a small and from a large start, with the loss at the truth."""

    samples: Count
    corruption: Share
    outlier_scale: Positive
    search_rank: Count
    initial_scales: dict[str, Positive]
    steps: dict[str, Step]

    def sweeps(self) -> dict[str, Sweep]:
        """Both starts on the same instances."""
        return {"runs": Sweep(self._cell, {"samples": (self.samples,)}, self.trials, self.options())}

    def _cell(self, samples):
        model = self.model(samples, corruption=self.corruption, outlier_scale=self.outlier_scale)
        return model, {
            name: subgradient_method(self.search_rank, self.initial_scales[name], step)
            for name, step in self.steps.items()
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """One row per start and trial."""
        return {"runs": swept["runs"].frame[["solver", "trial", "error", "loss", "loss_at_truth"]]}
