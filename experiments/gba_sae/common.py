"""What the figures of this paper share: trainings by name, and intervals of means."""

from typing import Annotated

import pandas as pd
import pydantic

from recover import autoencoders as pieces
from recover import solvers

from ..fields import Count, Positive
from ..figure import Figure

Frequency = Annotated[float, pydantic.Field(gt=0, lt=1)]


class Range(pydantic.BaseModel):
    """Target frequencies of group bias adaptation; one group is plain bias adaptation."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    highest: Frequency
    lowest: Frequency
    groups: Count = 10

    @property
    def name(self) -> str:
        """The name in tables."""
        return f"{self.highest:g} to {self.lowest:g}, {self.groups} group{'s' if self.groups > 1 else ''}"


class TrainingFigure(Figure):
    """Autoencoders with tied unit rows, trained from two random starts on the same batches in every trial."""

    width: Count
    batch: Count
    steps: Count
    rate: Positive
    period: Count
    trials: Annotated[int, pydantic.Field(ge=2)]
    used: Annotated[float, pydantic.Field(gt=0, le=1)] = 0.25

    def training(self, method: str, value) -> solvers.RepeatedTraining:
        """A training by the name of its method and its number (a `Range` for bias adaptation)."""
        optimiser = pieces.Adam(self.rate, steps=self.steps)
        control = None
        match method:
            case "TopK":
                activation = pieces.TopK(int(value))
            case "BatchTopK":
                activation = pieces.BatchTopK(float(value))
            case "L1":
                activation, control = pieces.ReLU(), pieces.L1Penalty(float(value))
            case _:
                activation = pieces.JumpReLU()
                control = pieces.GroupBiasAdaptation(
                    value.groups, value.highest, value.lowest, self.period, start="quantile"
                )
        training = solvers.AutoencoderTraining(self.width, activation, control, optimiser=optimiser, batch=self.batch)
        return solvers.RepeatedTraining(training, 2, self.used)

    def trainings(self, methods: dict[str, tuple]) -> dict[str, solvers.RepeatedTraining]:
        """One training per method and number, labelled `method: number`."""
        return {
            f"{method}: {number}": self.training(method, value)
            for method, values in methods.items()
            for number, value in enumerate(values)
        }

    def options(self) -> dict:
        """Options of every sweep."""
        return {"seed": self.seed, "max_steps": self.steps}

    @staticmethod
    def labelled(frame: pd.DataFrame, methods: dict[str, tuple]) -> pd.DataFrame:
        """Rows with the columns `method`, `setting` (a number, or the highest target) and `name` instead of a label."""
        parts = frame["solver"].str.rsplit(": ", n=1, expand=True)
        values = [methods[method][int(number)] for method, number in zip(parts[0], parts[1], strict=True)]
        return frame.assign(
            method=parts[0].to_numpy(),
            setting=[float(getattr(value, "highest", value)) for value in values],
            name=[getattr(value, "name", f"{value:g}" if not isinstance(value, Range) else "") for value in values],
        )
