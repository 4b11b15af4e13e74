"""The sub-gradient method and gradient descent on the squared loss under the same outliers."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Share, Step, gradient_descent, histories, subgradient_method


class AgainstLeastSquares(MatrixFigure):
    """Error per step of both, at several sample sizes."""

    samples: tuple[Count, ...]
    corruption: Share
    outlier_scale: Positive
    search_ranks: tuple[Count, ...]
    initial_scale: Positive
    step: Step
    gradient_step: Positive
    record_every: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Both methods on the same instances, histories kept."""
        axes = {"samples": self.samples, "search_rank": self.search_ranks}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options(record_every=self.record_every))}

    def _cell(self, samples, search_rank):
        model = self.model(samples, corruption=self.corruption, outlier_scale=self.outlier_scale)
        return model, {
            "sub-gradient": subgradient_method(search_rank, self.initial_scale, self.step),
            "least squares": gradient_descent(search_rank, self.initial_scale, self.gradient_step),
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per step, and per trial the final error and the least error over time."""
        frame = swept["runs"].frame
        least = [float(np.nanmin(history)) for history in frame["history"]]
        by = ["samples", "search_rank", "solver"]
        return {
            "curves": histories(frame, by, self.record_every),
            "final": frame[[*by, "trial", "error"]].assign(least=least),
        }
