"""How the Bayes-optimal error approaches its limit for narrow networks; nothing is simulated."""

import jax
import numpy as np
import pandas as pd

from recover import theory

from ..fields import Count, Grid, Positive
from ..figure import Figure
from .common import bayes_error


class NarrowNetworks(Figure):
    """Curves over samples per parameter, n / (d m), their limit, and values at one abscissa."""

    ratios: Grid
    largest: Positive
    points: Count
    at: Positive
    at_ratios: Grid

    def predictions(self):
        abscissae, widths = np.linspace(0, self.largest, self.points), np.asarray(self.at_ratios)
        with jax.enable_x64(True):
            limit = np.asarray(theory.narrow_network_mmse(np.r_[abscissae, self.at]))
        curves = [
            pd.DataFrame({"ratio": ratio, "samples": abscissae, "error": bayes_error(abscissae * ratio, ratio)})
            for ratio in self.ratios
        ]
        return {
            "curves": pd.concat(curves, ignore_index=True),
            "limit": pd.DataFrame({"samples": abscissae, "error": limit[:-1]}),
            "there": pd.DataFrame(
                {"ratio": widths, "error": bayes_error(self.at * widths, widths), "limit": limit[-1]}
            ),
        }
