"""The Bayes-optimal error over samples and width; nothing is simulated."""

import numpy as np
import pandas as pd

from ..fields import Count, Grid, Nonnegative, Positive
from ..figure import Figure
from .common import bayes_error, bayes_errors, channel_error, recovery_threshold, threshold_line


class BayesError(Figure):
    """Curves over the sampling, a map over sampling and width, and values to compare with.

    These stand for relative width, noise of the linear channel, and samplings.
    """

    ratios: Grid
    largest_sampling: Positive
    points: Count
    map_sampling: Positive
    map_ratio: Positive
    map_points: Count
    compared: tuple[tuple[Positive, Nonnegative, Grid], ...]

    def predictions(self):
        side = (np.arange(self.map_points) + 0.5) / self.map_points
        # Just below and at the threshold, for the claim that the curves end there.
        ends = recovery_threshold(self.ratios)
        near = {"well_below": 0.9, "below": 0.99, "at": 1.0}
        compared = [(sampling, ratio, noise) for ratio, noise, at in self.compared for sampling in at]
        return {
            "curves": bayes_errors(np.linspace(0, self.largest_sampling, self.points), self.ratios),
            "map": bayes_errors(self.map_sampling * side, self.map_ratio * side),
            "threshold": threshold_line(self.map_ratio),
            "ends": pd.DataFrame({name: bayes_error(share * ends, self.ratios) for name, share in near.items()}),
            "compared": pd.DataFrame({"error": channel_error(*np.transpose(compared))}),
        }
