"""What the figures of this paper share: trainings by method and setting, and what is measured of them."""

from typing import Annotated

import pandas as pd
import pydantic

from recover import Table, solvers
from recover import autoencoders as pieces

from ..fields import Count, Counts, Positive, Share
from ..figure import SweepFigure
from ..summaries import means

Frequency = Annotated[float, pydantic.Field(gt=0, lt=1)]

_MEASURED = (
    "recovered_80",
    "recovered_90",
    "mean_cosine",
    "unexplained",
    "l0",
    "dead",
    "consistency",
    "consistency_used",
)


class Range(pydantic.BaseModel):
    """Target frequencies of group bias adaptation; one group is plain bias adaptation."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    highest: Frequency
    lowest: Frequency
    groups: Count = 10


class TrainingFigure(SweepFigure):
    """Autoencoders with tied unit rows, trained from two random starts on the same batches in every trial.

    Methods are group bias adaptation (GBA) over ranges of frequencies, TopK, BatchTopK and an l1 penalty.
    """

    width: Count
    batch: Count
    rate: Positive
    period: Count
    used: Share = 0.25
    ranges: dict[str, Range]
    topk: Counts
    batch_topk: tuple[Positive, ...] = ()
    penalties: tuple[Positive, ...] = ()

    def trainings(self) -> dict[str, solvers.RepeatedTraining]:
        """A training per method and setting, called `method: setting`."""
        found = {}
        for name, each in self.ranges.items():
            control = pieces.GroupBiasAdaptation(each.groups, each.highest, each.lowest, self.period, start="quantile")
            found[f"GBA: {name}"] = self._training(pieces.JumpReLU(), control)
        for k in self.topk:
            found[f"TopK: {k}"] = self._training(pieces.TopK(k))
        for k in self.batch_topk:
            found[f"BatchTopK: {k:g}"] = self._training(pieces.BatchTopK(k))
        for penalty in self.penalties:
            found[f"L1: {penalty:g}"] = self._training(pieces.ReLU(), pieces.L1Penalty(penalty))
        return found

    def _training(self, activation, control=None) -> solvers.RepeatedTraining:
        optimiser = pieces.Adam(self.rate, steps=self.max_steps)
        training = solvers.AutoencoderTraining(self.width, activation, control, optimiser=optimiser, batch=self.batch)
        return solvers.RepeatedTraining(training, 2, self.used)

    @staticmethod
    def by_setting(swept: Table, *by: str) -> pd.DataFrame:
        """Means over data sets by `method` and `name` of the setting, which as a number is `setting`."""
        parts = swept.frame["solver"].str.split(": ", n=1, expand=True)
        frame = swept.frame.assign(method=parts[0], name=parts[1])
        table = means(frame, [*by, "method", "name"], [column for column in _MEASURED if column in frame])
        return table.assign(setting=pd.to_numeric(table["name"], errors="coerce"))
