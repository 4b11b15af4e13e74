"""Where robustness ends: kinds of bad channels, and a start that is not robust."""

from typing import Literal

import equinox as eqx
import pandas as pd

from recover import Table
from recover.initialisers import SuccessiveProjection

from ..figure import Sweep
from .common import MethodsFigure, rows, summary

STARTS = {"robust": True, "plain": False}


class Limits(MethodsFigure):
    """The kind of outliers and the start are traced: one program."""

    kinds: tuple[Literal["none", "added", "replaced", "blank"], ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One grid, in halves."""
        return self.halves(self._cell, {"kind": self.kinds, "start": tuple(STARTS)})

    def _cell(self, kind, start):
        changes = {"outliers": 0} if kind == "none" else {"outlier_kind": kind}
        begin = SuccessiveProjection(STARTS[start])
        methods = {name: eqx.tree_at(lambda s: s.start, each, begin) for name, each in self.solvers().items()}
        return self.model(**changes), methods

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per method."""
        return {"errors": summary(rows(swept), ["kind", "start", "solver"], self.seed)}
