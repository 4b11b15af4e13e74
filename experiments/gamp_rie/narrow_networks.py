"""How the Bayes-optimal error approaches its limit for narrow networks; nothing is simulated."""

import jax
import numpy as np
import pandas as pd

from recover import Table, theory

from ..fields import Count, Grid, Positive
from ..figure import Figure
from .common import bayes_error


class NarrowNetworks(Figure):
    """Curves over samples per parameter, n / (d m)."""

    ratios: Grid
    largest: Positive
    points: Count
    at: Positive
    at_ratios: Grid

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """One curve per width, the limit, and values at one abscissa."""
        abscissae = np.linspace(0, self.largest, self.points)
        ratio, samples = (grid.reshape(-1) for grid in np.meshgrid(self.ratios, abscissae, indexing="ij"))
        widths = np.asarray(self.at_ratios)
        with jax.enable_x64(True):
            limit = np.asarray(theory.narrow_network_mmse(abscissae))
            limit_there = float(theory.narrow_network_mmse(self.at))
        return {
            "curves": pd.DataFrame({"ratio": ratio, "samples": samples, "error": bayes_error(samples * ratio, ratio)}),
            "limit": pd.DataFrame({"samples": abscissae, "error": limit}),
            "there": pd.DataFrame(
                {"ratio": widths, "error": bayes_error(self.at * widths, widths), "limit": limit_there}
            ),
        }
