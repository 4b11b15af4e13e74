"""Exponents of the PQ Index in SAP."""

from typing import Annotated

import pandas as pd
import pydantic

from recover import Table
from recover.solvers import IterativePruning

from .common import DigitsFigure, summary


class Exponents(DigitsFigure):
    """p below q = 1, and q above p = 1, as traced numbers of one program."""

    smaller: tuple[Annotated[float, pydantic.Field(gt=0, lt=1)], ...]
    larger: tuple[Annotated[float, pydantic.Field(gt=1)], ...]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances."""
        training = self.training(self.training_pictures)
        pairs = [(p, 1.0) for p in self.smaller] + [(1.0, q) for q in self.larger]
        solvers = {f"{p:g}, {q:g}": IterativePruning.sap(self.hidden, p, q, **training) for p, q in pairs}
        frame = self.trajectories(self.model, solvers)
        return {"curves": summary(frame)}
