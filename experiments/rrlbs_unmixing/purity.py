"""Errors against the purity of the scene."""

import pandas as pd

from recover import Table

from ..figure import Sweep
from .common import MethodsFigure, Share, rows, summary


class Purity(MethodsFigure):
    """The purity is traced: one program."""

    purities: tuple[Share, ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One grid, in halves."""
        return self.halves(self._cell, {"purity": self.purities})

    def _cell(self, purity):
        return self.model(purity=purity), self.solvers()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per method."""
        return {"errors": summary(rows(swept), ["purity", "solver"], self.seed)}
