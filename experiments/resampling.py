"""The tables of a figure on resampled whole trials: what the intervals of its claims are made from."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from recover import Table

from .figure import Figure

# Below this many trials no resampling interval is trusted, so none is computed.
FEWEST = 10


@dataclasses.dataclass(frozen=True)
class Resampled(Table):
    """A table of resampled trials. It is one replicate of many, so its boundaries have no resampled intervals of their own."""

    def boundary(self, axis: str, **options) -> pd.DataFrame:
        """The boundary without replicates."""
        return super().boundary(axis, **{**options, "replicates": 0})


def resampled_tables(figure: Figure, swept: Any) -> dict[str, pd.DataFrame]:
    """Every table of the figure on many drawings of trials, told apart by the column `resample`.

    Numbers from 0 on are drawings with replacement; -1 - k leaves out trial k. All sweeps of a figure are drawn alike, since
    equal trials see equal instances. Empty where the figure wants no resamples or has too few trials.
    """
    swept_tables = _tables(swept)
    trials = sorted({int(trial) for table in swept_tables for trial in np.unique(table.frame["trial"])})
    if figure.resamples == 0 or len(trials) < FEWEST:
        return {}
    parts: dict[str, list[pd.DataFrame]] = {}
    drawers = _map(swept, _Drawer)
    for number, drawn in _drawings(trials, figure.resamples, figure.seed):
        for name, table in figure.tables(_map(drawers, lambda drawer, drawn=drawn: drawer(drawn))).items():
            parts.setdefault(name, []).append(table.assign(resample=np.int32(number)))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _drawings(trials: list[int], count: int, seed: int) -> Iterator[tuple[int, list[int]]]:
    generator = np.random.default_rng(seed)
    for number in range(count):
        yield number, generator.choice(trials, len(trials)).tolist()
    for number, left_out in enumerate(trials):
        yield -1 - number, [trial for trial in trials if trial != left_out]


class _Drawer:
    """A table, ready to be drawn from many times."""

    def __init__(self, table: Table):
        self._table = table
        self._places = table.frame.groupby("trial").indices
        self._cells = table.frame.groupby([*table.axes, "solver"], sort=False, observed=True).ngroup().to_numpy()
        self._fields = {field.name: getattr(table, field.name) for field in dataclasses.fields(Table)}

    def __call__(self, drawn: list[int]) -> Resampled:
        """The rows of the drawn trials, numbered anew; as in a sweep, all trials of a cell are next to each other."""
        # A sweep of fewer trials than another of the figure may have none of those that were drawn.
        places = [self._places[trial] for trial in drawn if trial in self._places] or [np.empty(0, int)]
        rows = np.concatenate(places)
        numbers = np.repeat(np.arange(len(places)), [len(place) for place in places])
        order = np.argsort(self._cells[rows], kind="stable")
        frame = self._table.frame.take(rows[order]).assign(trial=numbers[order]).reset_index(drop=True)
        return Resampled(**{**self._fields, "frame": frame})


def _tables(swept: Any) -> list[Table]:
    return list(swept.values()) if isinstance(swept, Mapping) else [swept]


def _map(swept: Any, change) -> Any:
    return {name: change(table) for name, table in swept.items()} if isinstance(swept, Mapping) else change(swept)
