"""What a figure is drawn on: its tables and numbers, its panels, and the claims that are checked with it."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable

from . import style
from .claims import Checked, Claim, name_of, number
from .intervals import bca_interval
from .panels import Panel
from .results import FigureInfo, Tables

Measure: TypeAlias = Callable[[Mapping[str, pd.DataFrame]], Iterable[Checked]]


class Sheet:
    """A figure being made.

    - `sheet["errors"]`: a table; `sheet.numbers["rank"]`: a number of the configuration; `sheet.reference`: numbers of others.
    - `sheet.panel()`, `sheet.panels(rows, columns)`: places to draw. Their labels come from the paper's `LABELS`.
    - `@sheet.claims` above a function of the tables that yields claims: judges them.
    """

    def __init__(self, tables: Tables, info: FigureInfo, labels: Mapping[str, str] | None = None):
        self.tables = tables
        self.info = info
        self.labels = dict(labels or {})
        self.drawing: matplotlib.figure.Figure | None = None
        self._panels = np.empty((0, 0), object)
        self._claims: list[Claim] = []

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A copy of the table `name`."""
        return self.tables[name]

    @property
    def numbers(self) -> Mapping[str, Any]:
        """The configuration that the tables were computed with."""
        return self.info.configuration

    @property
    def reference(self) -> Mapping[str, Any]:
        """Numbers of papers and of others to compare with, from the configuration."""
        return self.info.reference

    def panel(self, width: float = style.COLUMN * 1.25, aspect: float = 0.7, **subplots) -> Panel:
        """One panel; see `panels`."""
        return self.panels(width=width, aspect=aspect, **subplots)[0, 0]

    def panels(
        self, rows: int = 1, columns: int = 1, *, width: float = style.PAGE, aspect: float = 0.72, **subplots
    ) -> np.ndarray:
        """Panels as an array of shape `(rows, columns)`: `width` inches in all, each `aspect` times as high as wide."""
        self.drawing, axes = style.new(width, aspect, rows, columns, **subplots)
        panels = np.empty(axes.shape, object)
        for place in np.ndindex(axes.shape):
            panels[place] = Panel(axes[place], self.labels)
        self._panels = panels
        return panels

    def letters(self, start: str = "a") -> None:
        """Letters the panels, left of their titles, as captions refer to them; called once titles stand."""
        style.letters((panel.axes for panel in self._panels.flat), start)

    def legend_above(self, panel: Panel, columns: int, **options) -> None:
        """One legend above all panels, from the curves of one of them; legends within panels go."""
        assert self.drawing is not None
        handles, labels = panel.axes.get_legend_handles_labels()
        for axes in self.drawing.axes:
            if axes.get_legend() is not None:
                axes.get_legend().remove()
        self.drawing.legend(handles, labels, loc="outside upper center", ncols=columns, **options)

    def colour_bar(self, mesh: ScalarMappable, panels: Panel | Iterable[Panel], label: str, **options) -> None:
        """A colour bar beside one or several panels, called as a column is."""
        assert self.drawing is not None
        beside = [panel.axes for panel in ([panels] if isinstance(panels, Panel) else panels)]
        style.colour_bar(self.drawing, mesh, beside, self.labels.get(label, label), **options)

    def claims(self, measure: Measure) -> None:
        """Judges what a function of the tables claims; it decorates that function.

        ```python
        @sheet.claims
        def _(tables):
            errors = tables["errors"]["error"]
            yield claim("The error does not depend on the start.", "paper, Theorem 1", errors.max() / errors.min()).at_most(2)
        ```

        The function is called again on the tables of resampled whole trials, from which the intervals of its measurements are
        made. Its claims are told apart by their order.
        """
        found = list(measure(self.tables))
        margins = np.asarray([self._margins(measure, tables, len(found)) for tables in self._resamples.values()])
        drawn = np.asarray([number >= 0 for number in self._resamples], bool)
        for place, checked in enumerate(found):
            ends = None if len(margins) == 0 else (margins[drawn, place], margins[~drawn, place])
            self._claims.append(self._judged(checked, ends))

    @staticmethod
    def _margins(measure: Measure, tables: Mapping[str, pd.DataFrame], count: int) -> list[float]:
        """The numbers that decide, on some tables; not a number where a resample lacks what is asked for."""
        margins: list[float] = []
        try:
            margins.extend(checked.margin for checked in measure(tables))
        except (ArithmeticError, IndexError, KeyError, ValueError):
            # No successes to fit, an empty selection.
            margins.extend([math.nan] * (count - len(margins)))
        return margins if len(margins) == count else [math.nan] * count

    def _judged(self, checked: Checked, resampled: tuple[np.ndarray, np.ndarray] | None) -> Claim:
        sentence, criterion, margin = checked.sentence, checked.criterion, checked.margin
        holds = criterion.holds(margin)
        verdict, interval = ("holds" if holds else "fails"), None
        if not (sentence.deterministic or not self.info.trials or math.isnan(margin)):
            if sentence.interval is not None:
                low, high = sentence.interval
                ends = -math.inf if low is None else float(low), math.inf if high is None else float(high)
            else:
                ends = (-math.inf, math.inf) if resampled is None else bca_interval(margin, *resampled)
            verdict = criterion.verdict(*ends)
            # Ends of a number that is not the one shown would only confuse.
            interval = ends if checked.shows_margin and (sentence.interval or resampled is not None) else None
        taken = [found.id.rsplit("/", 1)[1] for found in self._claims]
        measured = sentence.measured
        return Claim(
            id=f"{self.info.paper}/{self.info.figure}/{name_of(sentence.sentence, taken)}",
            paper=self.info.paper,
            figure=self.info.figure,
            claim=sentence.sentence,
            source=sentence.source,
            criterion=criterion.text,
            measured=number(measured) if isinstance(measured, Mapping) else measured,
            interval=interval,
            verdict=verdict,
            holds=holds,
            profile=self.info.profile,
            note=sentence.note,
            reason=None if holds else sentence.reason,
        )

    def finished(self) -> tuple[matplotlib.figure.Figure, list[Claim]]:
        """The drawing and its claims.

        **Raises:** `ValueError` where nothing was drawn.
        """
        if self.drawing is None:
            raise ValueError(f"{self.info.paper}/{self.info.figure} drew no panel.")
        return self.drawing, list(self._claims)

    @functools.cached_property
    def _resamples(self) -> "dict[int, Mapping[str, pd.DataFrame]]":
        resampled = self.tables.resampled()
        if not resampled:
            return {}
        parts: dict[int, dict[str, pd.DataFrame]] = {}
        for name, table in resampled.items():
            plain = table.drop(columns="resample")
            for drawing, rows in table.groupby("resample").indices.items():
                parts.setdefault(int(drawing), {})[name] = plain.take(rows).reset_index(drop=True)
        return {number: _Resample(tables, self.tables) for number, tables in parts.items()}


class _Resample(Mapping[str, pd.DataFrame]):
    """The tables of one drawing of trials; those that no trial enters are as they were."""

    def __init__(self, own: dict[str, pd.DataFrame], rest: Tables):
        self._own, self._rest = own, rest

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._own[name].copy() if name in self._own else self._rest[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rest)

    def __len__(self) -> int:
        return len(self._rest)
