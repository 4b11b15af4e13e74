"""Error per step for many step rules."""

import pandas as pd
import pydantic

from recover import Table

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Share, Step, histories, subgradient_method


class Run(pydantic.BaseModel):
    """A step rule with a search rank and an initial scale."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    search_rank: Count
    initial_scale: Positive
    step: Step


class StepRules(MatrixFigure):
    """One program per kind of rule; constants of a kind are traced."""

    samples: Count
    corruption: Share
    outlier_scale: Positive
    runs: dict[str, Run]
    record_every: Count

    def sweeps(self) -> dict[str, Sweep]:
        """All runs on the same instances, histories kept."""
        options = self.options(record_every=self.record_every)
        return {"runs": Sweep(self._cell, {"run": tuple(self.runs)}, self.trials, options)}

    def _cell(self, run):
        chosen = self.runs[run]
        model = self.model(self.samples, corruption=self.corruption, outlier_scale=self.outlier_scale)
        return model, subgradient_method(chosen.search_rank, chosen.initial_scale, chosen.step)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per step."""
        return {"curves": histories(swept["runs"].frame, ["run"], self.record_every)}
