"""What the experiment behind a figure is."""

import abc
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
import pydantic

from recover import Table, plan_sweep, sweep
from recover.sweeps import SweepPlan


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A sweep that a figure asks for: the arguments of `recover.sweep`, where it runs and is stored left open."""

    cell: Callable[..., Any]
    axes: Mapping[str, Iterable]
    trials: int
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def run(self, **where) -> Table:
        """Computes the table, or what is missing of it."""
        return sweep(self.cell, self.axes, trials=self.trials, **self.options, **where)

    def plan(self, **where) -> SweepPlan:
        """What `run` would compute."""
        return plan_sweep(self.cell, self.axes, trials=self.trials, **self.options, **where)


class Figure(pydantic.BaseModel, abc.ABC):
    """The numbers of one figure, validated, and what is computed from them.

    Fields are the keys that the figure's section of a paper configuration may hold.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seed: int = pydantic.Field(default=0, ge=0)

    def sweeps(self) -> dict[str, Sweep]:
        """The sweeps whose tables `tables` needs, by name."""
        return {}

    @abc.abstractmethod
    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """The tables that the figure is drawn from, by name."""
