"""What the experiment behind a figure is."""

import abc
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import pandas as pd
import pydantic

from recover import Table, plan_sweep, sweep
from recover.sweeps import SweepPlan

from .fields import Count

ValueT = TypeVar("ValueT")


class _AxisMark:
    """Marks a field as an axis of the figure's sweep."""


# `corruption: Axis[Share]`: a list of values in the configuration, one of which `cell` receives under the field's name.
Axis = Annotated[tuple[ValueT, ...], pydantic.Field(min_length=1), _AxisMark()]
# `variant: NamedAxis[Variant]`: a table in the configuration, one of whose keys `cell` receives.
NamedAxis = Annotated[dict[str, ValueT], pydantic.Field(min_length=1), _AxisMark()]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A sweep that a figure asks for: the arguments of `recover.sweep`, where it runs and is stored left open."""

    cell: Callable[..., Any]
    axes: Mapping[str, Iterable]
    trials: int | range
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def run(self, **where) -> Table:
        """Computes the table, or what is missing of it."""
        return sweep(self.cell, self.axes, trials=self.trials, **self.options, **where)

    def plan(self, **where) -> SweepPlan:
        """What `run` would compute."""
        return plan_sweep(self.cell, self.axes, trials=self.trials, **self.options, **where)


class Figure(pydantic.BaseModel, abc.ABC):
    """The numbers of one figure, validated, and what is computed from them.

    Fields are the keys that the figure's section of a paper configuration may hold. `resamples` is how often whole trials
    are resampled for the intervals of claims; 0 where no table depends on trials.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    resamples: ClassVar[int] = 0

    seed: int = pydantic.Field(default=0, ge=0)

    def sweeps(self) -> Sweep | dict[str, Sweep]:
        """The sweep whose table `tables` receives, or several by name."""
        return {}

    def tables(self, swept: Any) -> dict[str, pd.DataFrame]:
        """The tables, by name, that depend on trials: functions of the rows of the sweep, or of the sweeps by name.

        They are computed again on resampled trials, so what does not depend on them belongs into `predictions`.
        """
        return {}

    def predictions(self) -> dict[str, pd.DataFrame]:
        """The tables, by name, that no trial of a sweep enters: theory, and instances that are shown as they are."""
        return {}


class SweepFigure(Figure):
    """A figure computed by one sweep over the fields that are marked as axes.

    `cell` receives a value of every axis and returns `(model, solver)` or `(model, {label: solver})`. `sharing` says
    whether cells of a trial share a design; `measure` is what else is measured of every solve.
    """

    resamples: ClassVar[int] = 200
    sharing: ClassVar[Literal["trial", "none"]] = "trial"
    measure: ClassVar[Callable | None] = None

    trials: Count
    max_steps: Count
    precision: Literal["float32", "float32/bf16x3", "float64"] = "float32"
    record_every: Count | None = None

    def axes(self) -> dict[str, list]:
        """The values of the fields marked as axes, in the order of the fields."""
        marked = [
            name
            for name, field in type(self).model_fields.items()
            if any(isinstance(mark, _AxisMark) for mark in field.metadata)
        ]
        return {name: list(getattr(self, name)) for name in marked}

    def options(self, **more) -> dict[str, Any]:
        """The options of the sweep."""
        options = {"seed": self.seed, "max_steps": self.max_steps, "share": self.sharing, "precision": self.precision}
        if self.record_every is not None:
            options["record_every"] = self.record_every
        if type(self).measure is not None:
            options["measure"] = type(self).measure
        return {**options, **more}

    def cell(self, **point):
        """Model and solver, or solvers by name, at a point of the axes; `None` leaves the point out."""
        raise TypeError(f"{type(self).__name__} has neither `cell` nor `sweeps`.")

    def sweeps(self) -> Sweep | dict[str, Sweep]:
        """One sweep of `cell` over all axes."""
        return Sweep(self.cell, self.axes(), self.trials, self.options())
