"""Sentences of a paper that numbers can confirm or refute.

A claim carries what was expected, what was measured, and whether it holds. A claim that fails is a finding: it is
reported, never tuned away. A measurement that is not a number never holds.
"""

import dataclasses
import itertools
import json
import math
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from .results import FigureInfo

Number: TypeAlias = float | int | np.number
Interval: TypeAlias = tuple[Number | None, Number | None] | None


@dataclasses.dataclass(frozen=True)
class Claim:
    """One checked sentence.

    Attributes:
        paper: slug of the paper.
        figure: slug of the figure it is shown with.
        claim: the sentence.
        expected: what the paper says, as text.
        measured: the number found, or text where one number does not say it.
        holds: whether the measurement agrees.
        interval: ends of the interval of the measurement, None for an unbounded end.
        note: what a reader should know before believing it.
    """

    paper: str
    figure: str
    claim: str
    expected: str
    measured: float | str | None
    holds: bool
    interval: tuple[float | None, float | None] | None = None
    note: str | None = None

    def __post_init__(self):
        """Make plain, finite data of NumPy scalars, NaN and infinities."""
        object.__setattr__(self, "holds", bool(self.holds))
        object.__setattr__(self, "measured", _plain(self.measured))
        if self.interval is not None:
            low, high = self.interval
            object.__setattr__(self, "interval", (_plain(low), _plain(high)))


def within(
    info: FigureInfo,
    claim: str,
    measured: Number,
    target: Number,
    tolerance: Number,
    *,
    interval: Interval = None,
    note: str | None = None,
) -> Claim:
    """The measurement is within `tolerance` of `target`."""
    expected = f"{number(target)} ± {number(tolerance)}"
    return _claim(info, claim, expected, measured, abs(measured - target) <= tolerance, interval, note)


def below(
    info: FigureInfo,
    claim: str,
    measured: Number,
    bound: Number,
    *,
    interval: Interval = None,
    note: str | None = None,
) -> Claim:
    """The measurement is at most `bound`."""
    return _claim(info, claim, f"≤ {number(bound)}", measured, measured <= bound, interval, note)


def above(
    info: FigureInfo,
    claim: str,
    measured: Number,
    bound: Number,
    *,
    interval: Interval = None,
    note: str | None = None,
) -> Claim:
    """The measurement is at least `bound`."""
    return _claim(info, claim, f"≥ {number(bound)}", measured, measured >= bound, interval, note)


def between(
    info: FigureInfo,
    claim: str,
    measured: Number,
    low: Number,
    high: Number,
    *,
    interval: Interval = None,
    note: str | None = None,
) -> Claim:
    """The measurement lies in `[low, high]`."""
    expected = f"{number(low)} to {number(high)}"
    return _claim(info, claim, expected, measured, low <= measured <= high, interval, note)


def ordering(
    info: FigureInfo,
    claim: str,
    values: Mapping[str, Number],
    *,
    slack: Number = 0.0,
    note: str | None = None,
) -> Claim:
    """The values increase in the order in which they are given.

    Arguments:
        info: the figure.
        claim: the sentence.
        values: name to value, smallest expected first.
        slack: by how much a value may fall short of its predecessor and still count as in order.
        note: what a reader should know.
    """
    pairs = list(values.values())
    holds = all(left <= right + slack for left, right in itertools.pairwise(pairs))
    # A lone value or a NaN at an end must not pass for an order.
    holds = holds and not any(math.isnan(float(value)) for value in pairs)
    expected = " ≤ ".join(values)
    measured = ", ".join(f"{name} {number(value)}" for name, value in values.items())
    return Claim(info.paper, info.figure, claim, expected, measured, holds, None, note)


def holds(
    info: FigureInfo,
    claim: str,
    condition: bool,
    *,
    expected: str,
    measured: Number | str,
    interval: Interval = None,
    note: str | None = None,
) -> Claim:
    """Whatever the other constructors cannot say: the caller decides and words both sides."""
    return _claim(info, claim, expected, measured, condition, interval, note)


def number(value: Any) -> str:
    """A number as a person writes it: four significant digits, a true minus sign, a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    value = float(value)
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:,.0f}".replace("-", "−")
    text = f"{value:.4g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """The claims on disk, or none if nothing was drawn yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def merge(
    path: pathlib.Path, fresh: Iterable[Claim], paper: str, figures: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """Replace the claims of one paper, or of some of its figures, in the file at `path`; keep all others.

    Arguments:
        path: claims.json; written whole or not at all.
        fresh: what was just measured.
        paper: slug of the paper drawn.
        figures: the figures drawn; None for the whole paper.

    Returns:
        All claims now in the file, sorted by paper, in drawing order within a figure. Numbers that are not finite
        are null.
    """
    figures = None if figures is None else set(figures)
    kept = [
        entry
        for entry in read(path)
        if entry["paper"] != paper or (figures is not None and entry["figure"] not in figures)
    ]
    merged = kept + [dataclasses.asdict(claim) for claim in fresh]
    merged.sort(key=lambda entry: (entry["paper"], entry["figure"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".writing")
    temporary.write_text(json.dumps(merged, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(path)
    return json.loads(path.read_text(encoding="utf-8"))


def _claim(info: FigureInfo, claim, expected, measured, agrees, interval, note) -> Claim:
    return Claim(info.paper, info.figure, claim, expected, measured, agrees, interval, note)


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    value = float(value)
    return value if math.isfinite(value) else None
