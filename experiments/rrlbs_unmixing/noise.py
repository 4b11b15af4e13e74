"""Errors against the signal-to-noise ratio, with and without outlier channels."""

import pandas as pd

from recover import Table

from ..figure import Sweep
from .common import MethodsFigure, Whole, oracle, rows, scenes, summary


class Noise(MethodsFigure):
    """Noise, outliers and methods are traced: one program."""

    snrs: tuple[float, ...]
    counts: tuple[Whole, ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One grid, in halves."""
        return self.halves(self._cell, {"outliers": self.counts, "snr": self.snrs})

    def _cell(self, outliers, snr):
        return self.model(outliers=outliers, snr=snr), self.solvers()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per method, and what known endmembers would give."""
        truths = scenes(self)
        predicted = [{"snr": snr, "ideal": oracle(truths, snr)} for snr in self.snrs]
        errors = summary(rows(swept), ["outliers", "snr", "solver"], self.seed)
        return {"errors": errors, "oracle": pd.DataFrame(predicted)}
