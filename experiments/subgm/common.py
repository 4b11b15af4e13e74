"""What the figures of this paper share: the planted matrix, step rules from configurations, histories as tables."""

from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pydantic

from recover import models, solvers, steps

from ..fields import Count, Positive
from ..figure import Figure

Share = Annotated[float, pydantic.Field(ge=0, lt=1)]
Scales = Annotated[tuple[Positive, ...], pydantic.Field(min_length=1)]
Precision = Literal["float32", "float64"]


class Step(pydantic.BaseModel):
    """A step rule: `schedule` (initial, ratio, rate, power), or `loss`, `median`, `polyak` (initial as the factor)."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    rule: Literal["schedule", "loss", "median", "polyak"] = "schedule"
    initial: Positive = 0.3
    ratio: Annotated[float, pydantic.Field(gt=0, le=1)] = 1.0
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


class MatrixFigure(Figure):
    """The fields that all figures of this paper have."""

    dimension: Count
    rank: Count
    trials: Count
    max_steps: Count
    precision: Precision = "float32"

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.rank > self.dimension:
            raise ValueError(f"`rank` is {self.rank}; at most {self.dimension} (the dimension) is allowed")
        return self

    def options(self, **more) -> dict:
        """Options of every sweep."""
        return {"seed": self.seed, "max_steps": self.max_steps, "precision": self.precision, **more}

    def model(self, samples: int, **perturbation) -> models.MatrixSensing:
        """The planted matrix, all of its nonzero eigenvalues equal to one."""
        return models.MatrixSensing(self.dimension, self.rank, samples, **perturbation)


def subgradient_method(search_rank: int, initial_scale: float, step: Step) -> solvers.SubgradientMethod:
    """A run of a fixed number of steps."""
    return solvers.SubgradientMethod(search_rank, initial_scale, step.build(), tolerance=-1.0, patience=0)


def gradient_descent(search_rank: int, initial_scale: float, step: float) -> solvers.FactoredGradientDescent:
    """A run of a fixed number of constant steps on the squared loss."""
    return solvers.FactoredGradientDescent(search_rank, initial_scale, step, tolerance=-1.0, patience=0)


def histories(frame: pd.DataFrame, by: list[str], every: int) -> pd.DataFrame:
    """Median and extremes over trials of the recorded errors: one row per group and recorded step."""
    parts = []
    for name, group in frame.groupby(by, sort=False):
        errors = np.stack(group["history"].to_list())
        errors = np.where(np.isfinite(errors), errors, np.inf)
        keys = dict(zip(by, name if isinstance(name, tuple) else (name,), strict=True))
        values = {
            "step": every * np.arange(errors.shape[1]),
            "median": np.median(errors, axis=0),
            "low": errors.min(axis=0),
            "high": errors.max(axis=0),
        }
        parts.append(pd.DataFrame({**keys, **values}))
    return pd.concat(parts, ignore_index=True)


def medians(frame: pd.DataFrame, by: list[str], column: str = "error") -> pd.DataFrame:
    """Median and extremes over trials of a column; what is not a number counts as infinite."""
    filled = frame.assign(**{column: frame[column].fillna(np.inf)})
    grouped = filled.groupby(by, sort=False)[column]
    table = pd.DataFrame({"median": grouped.median(), "low": grouped.min(), "high": grouped.max()})
    return table.reset_index()
