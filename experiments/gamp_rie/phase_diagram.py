"""GAMP-RIE over samples and width, as one sweep, next to the Bayes-optimal error."""

import numpy as np
import pandas as pd
import pydantic
from scipy.optimize import brentq

from recover import Table, solvers

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import NetworkFigure, bayes_error, network, recovery_threshold, summary


class PhaseDiagram(NetworkFigure):
    """Samples and width are traced: the whole grid is one program."""

    dimension: Count
    samplings: Grid
    ratios: Grid
    below: Positive = pydantic.Field(lt=1)

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        return {
            "grid": Sweep(self._cell, {"sampling": self.samplings, "ratio": self.ratios}, self.trials, self.options())
        }

    def _cell(self, sampling, ratio):
        return network(self.dimension, ratio, sampling), solvers.GAMPRIE()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors measured and predicted, the threshold, and where the error falls below a level."""
        table = swept["grid"]
        errors = summary(table.frame, ["sampling", "ratio"], ["error"])
        errors["predicted"] = bayes_error(errors["sampling"].to_numpy(), errors["ratio"].to_numpy())
        boundary = table.boundary("sampling", below=self.below, seed=self.seed)
        boundary["predicted"] = [self._contour(ratio) for ratio in boundary["ratio"]]
        widths = np.linspace(min(self.ratios) / 2, max(self.ratios) * 1.1, 101)
        return {
            "errors": errors,
            "boundary": boundary,
            "threshold": pd.DataFrame({"ratio": widths, "sampling": recovery_threshold(widths)}),
        }

    def _contour(self, ratio: float) -> float:
        """The sampling at which the Bayes-optimal error is `below`."""
        end = float(recovery_threshold(ratio))
        return float(
            brentq(lambda sampling: float(bayes_error(sampling, ratio)) - self.below, 1e-3 * end, end, xtol=1e-4)
        )
