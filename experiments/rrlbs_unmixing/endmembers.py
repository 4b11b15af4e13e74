"""Errors against the number of endmembers."""

from typing import Annotated

import pandas as pd
import pydantic

from recover import Table

from ..figure import Sweep
from .common import MethodsFigure, rows, summary


class Endmembers(MethodsFigure):
    """The number of endmembers is traced, up to the largest: one program."""

    counts: tuple[Annotated[int, pydantic.Field(ge=2)], ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One grid, in halves."""
        return self.halves(self._cell, {"endmembers": self.counts})

    def _cell(self, endmembers):
        return self.model(endmembers=endmembers), self.solvers()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per method."""
        return {"errors": summary(rows(swept), ["endmembers", "solver"], self.seed)}
