"""All methods against the number of outlier channels."""

import pandas as pd

from recover import Table

from ..figure import Sweep
from .common import MethodsFigure, Whole, oracle, rows, scenes, summary


class Outliers(MethodsFigure):
    """The number of outlier channels and the methods are traced: one program."""

    counts: tuple[Whole, ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One grid, in halves."""
        return self.halves(self._cell, {"outliers": self.counts})

    def _cell(self, outliers):
        return self.model(outliers=outliers), self.solvers()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per method, and what known endmembers would give."""
        truths = scenes(self)
        predicted = [
            {
                "outliers": count,
                "least_squares": oracle(truths, self.snr, count / self.channels),
                "ideal": oracle(truths, self.snr),
            }
            for count in self.counts
        ]
        return {"errors": summary(rows(swept), ["outliers", "solver"], self.seed), "oracle": pd.DataFrame(predicted)}
