"""What the figures of this paper share: the planted matrix and step rules from configurations."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, steps

from ..fields import Count, Positive, ProperFraction, Share
from ..figure import SweepFigure
from ..summaries import summarise, unrolled


class Step(pydantic.BaseModel):
    """A step rule: `schedule` (initial, ratio, rate, power), or `loss`, `median`, `polyak` (initial as the factor)."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    rule: Literal["schedule", "loss", "median", "polyak"] = "schedule"
    initial: Positive = 0.3
    ratio: Share = 1.0
    rate: Annotated[float, pydantic.Field(ge=0)] = 0.0
    power: Annotated[float, pydantic.Field(ge=0)] = 1.0

    def build(self) -> steps.AbstractStep:
        """The rule as an object."""
        match self.rule:
            case "schedule":
                return steps.ScheduledStep(self.initial, self.ratio, self.rate, self.power)
            case "loss":
                return steps.LossStep(self.initial)
            case "median":
                return steps.MedianStep(self.initial)
            case _:
                return steps.PolyakStep()

    def total(self, max_steps: int) -> float:
        """Sum of the first steps of a schedule."""
        t = np.arange(max_steps)
        return float(np.sum(self.initial * self.ratio**t / (1 + self.rate * t) ** self.power))


class Run(pydantic.BaseModel):
    """A search rank and an initial scale, and perhaps a step rule."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    search_rank: Count
    initial_scale: Positive
    step: Step = Step()


class MatrixFigure(SweepFigure):
    """The planted matrix, all of its nonzero eigenvalues equal to one, and runs of a fixed number of steps."""

    dimension: Count
    rank: Count
    corruption: ProperFraction = 0.0
    outlier_scale: Positive | None = None

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.rank > self.dimension:
            raise ValueError(f"`rank` is {self.rank}; at most {self.dimension} (the dimension) is allowed")
        return self

    def model(self, samples: int, corruption: float | None = None, **more) -> models.MatrixSensing:
        """The model, with the figure's outliers if it has any."""
        share = self.corruption if corruption is None else corruption
        outliers = {} if self.outlier_scale is None else {"corruption": share, "outlier_scale": self.outlier_scale}
        return models.MatrixSensing(self.dimension, self.rank, samples, **outliers, **more)

    def errors_per_step(self, swept: Table, *by: str) -> pd.DataFrame:
        """Median and extremes over trials of the recorded errors."""
        assert self.record_every is not None
        return summarise(unrolled(swept, self.record_every), [*by, "step"], error="median_range")


def subgradient_method(search_rank: int, initial_scale: float, step: Step) -> solvers.SubgradientMethod:
    """A run of a fixed number of steps."""
    return solvers.SubgradientMethod(search_rank, initial_scale, step.build(), tolerance=-1.0, patience=0)


def gradient_descent(search_rank: int, initial_scale: float, step: float) -> solvers.FactoredGradientDescent:
    """A run of a fixed number of constant steps on the squared loss."""
    return solvers.FactoredGradientDescent(search_rank, initial_scale, step, tolerance=-1.0, patience=0)
