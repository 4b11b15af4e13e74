"""Sentences that numbers confirm or refute.

A claim carries whose sentence it is, the criterion it was given, what was measured, and a verdict. The verdict is that of the
interval over trials: it `holds` or `fails` where the interval lies on one side of the criterion, and is `open` where it
straddles it. A claim that fails is a finding: it is reported, never tuned away. A measurement that is not a number never
holds.
"""

import dataclasses
import itertools
import json
import math
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

Number: TypeAlias = float | int | np.number
Interval: TypeAlias = tuple[Number | None, Number | None] | None
Verdict: TypeAlias = Literal["holds", "fails", "open"]

SOURCES = ("paper", "theory", "authors", "reference", "ours")
"""Whose sentence a claim is: the paper's; a formula's, checked against simulation; a number's from the authors' public code
or data; that of a second-hand run of the method; or ours."""

_WORDS_OF_AN_ID = 10
_ID_LENGTH = 80


@dataclasses.dataclass(frozen=True)
class Claim:
    """One checked sentence.

    - `id`: stable name, `<paper>/<figure>/<words of the sentence>`.
    - `claim`: the sentence; `source`: whose it is, one of `SOURCES`, and where it stands.
    - `criterion`: what must hold of the measurement, as text.
    - `measured`: the number found, or text where one number does not say it; `interval`: its ends, None for an unbounded one.
    - `holds`: whether the measurement meets the criterion; `verdict`: what its interval says of that.
    - `profile`: the sizes it was measured at.
    - `note`: what a reader should know before believing it; `reason`: why it does not hold, where that was found out.
    """

    id: str
    paper: str
    figure: str
    claim: str
    source: str
    criterion: str
    measured: float | str | None
    interval: tuple[float | None, float | None] | None
    verdict: Verdict
    holds: bool
    profile: str
    note: str | None = None
    reason: str | None = None

    def __post_init__(self):
        """Make plain, finite data of NumPy scalars, NaN and infinities."""
        kind = self.source.split(",")[0]
        if kind not in SOURCES:
            raise ValueError(f"{self.id}: `source` is {self.source!r}; it must begin with one of {', '.join(SOURCES)}.")
        object.__setattr__(self, "holds", bool(self.holds))
        object.__setattr__(self, "measured", _plain(self.measured))
        if self.interval is not None:
            low, high = self.interval
            object.__setattr__(self, "interval", (_plain(low), _plain(high)))


@dataclasses.dataclass(frozen=True)
class Criterion:
    """What must hold of a measurement: `text` is how it prints; the number that decides lies between `low` and `high`."""

    text: str
    low: float = -math.inf
    high: float = math.inf

    def holds(self, margin: float) -> bool:
        """Whether the number that decides lies between the ends."""
        return self.low <= margin <= self.high

    def verdict(self, low: float, high: float) -> Verdict:
        """What an interval of the number that decides says."""
        if self.low <= low and high <= self.high:
            return "holds"
        return "fails" if high < self.low or low > self.high else "open"


@dataclasses.dataclass(frozen=True)
class Checked:
    """A sentence with what was measured, its criterion, and the number that decides."""

    sentence: "claim"
    criterion: Criterion
    margin: float

    @property
    def shows_margin(self) -> bool:
        """Whether the number that decides is the one that was measured."""
        return not isinstance(self.sentence.measured, str | Mapping) and self.margin == _number(self.sentence.measured)


@dataclasses.dataclass(frozen=True)
class claim:  # noqa: N801
    """A sentence, whose it is, and what was measured of it. Its methods are criteria.

    - `sentence`: what is claimed, without the numbers of the criterion, which prints itself.
    - `source`: one of `SOURCES`, a comma, and where it stands: `"paper, Figure 3"`.
    - `measured`: a number, numbers by name, or text.
    - `interval`: of the measurement, where a table has one.
    - `deterministic`: that no trial enters the measurement, although the figure has trials.
    - `note`: what a reader should know; `reason`: why the criterion is not met, where that was found out.
    """

    sentence: str
    source: str
    measured: Number | str | Mapping[str, Number]
    interval: Interval = None
    deterministic: bool = False
    note: str | None = None
    reason: str | None = None

    def at_most(self, bound: Number) -> Checked:
        """The measurement is at most `bound`."""
        return self._checked(Criterion(f"≤ {number(bound)}", high=float(bound)))

    def at_least(self, bound: Number) -> Checked:
        """The measurement is at least `bound`."""
        return self._checked(Criterion(f"≥ {number(bound)}", low=float(bound)))

    def within(self, tolerance: Number, of: Number) -> Checked:
        """The measurement is within `tolerance` of a number."""
        text = f"{number(of)} ± {number(tolerance)}"
        return self._checked(Criterion(text, float(of - tolerance), float(of + tolerance)))

    def between(self, low: Number, high: Number) -> Checked:
        """The measurement lies in `[low, high]`."""
        return self._checked(Criterion(f"{number(low)} to {number(high)}", float(low), float(high)))

    def increasing(self, slack: Number = 0.0) -> Checked:
        """The measured numbers, by name, increase in the order in which they are given, up to `slack`."""
        values = [float(value) for value in self.measured.values()]
        # A lone value or a NaN at an end must not pass for an order.
        known = len(values) > 1 and not any(map(math.isnan, values))
        rises = [right + slack - left for left, right in itertools.pairwise(values)]
        text = "increasing" + (f", up to {number(slack)}" if slack else "")
        return Checked(self, Criterion(text, low=0.0), min(rises) if known else math.nan)

    def satisfies(self, criterion: str, condition: bool) -> Checked:
        """What no other criterion says: a condition, worded by the caller."""
        return Checked(self, Criterion(criterion, low=0.5), float(bool(condition)))

    def _checked(self, criterion: Criterion) -> Checked:
        return Checked(self, criterion, _number(self.measured))


def number(value: Any) -> str:
    """A number as a person writes it: four significant digits, a true minus sign, a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number(each)}" for name, each in value.items())
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


def name_of(sentence: str, taken: Iterable[str]) -> str:
    """A name for a sentence among others of its figure: its first words, without the numbers that change with the profile."""
    words = re.findall(r"[a-z]+", sentence.lower())[:_WORDS_OF_AN_ID]
    name = base = "-".join(words)[:_ID_LENGTH]
    taken = set(taken)
    for count in itertools.count(2):
        if name not in taken:
            return name
        name = f"{base}-{count}"
    raise AssertionError


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """The claims on disk, or none if nothing was drawn yet."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def merge(
    path: pathlib.Path, fresh: Iterable[Claim], paper: str, figures: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """Replace the claims of one paper, or of some of its figures, in the file at `path`; keep all others.

    **Arguments:**

    - `path`: claims.json; written whole or not at all.
    - `fresh`: what was just measured.
    - `paper`: slug of the paper drawn.
    - `figures`: the figures drawn; None for the whole paper.

    **Returns:** all claims now in the file, sorted by paper, in drawing order within a figure. Numbers that are not finite
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


def tally(found: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """For every source with claims: how many of them there are in all, hold, and have which verdict."""
    counts: dict[str, dict[str, int]] = {}
    for claim in found:
        row = counts.setdefault(
            claim["source"].split(",")[0], dict.fromkeys(("claims", "met", "holds", "fails", "open"), 0)
        )
        row["claims"] += 1
        row["met"] += claim["holds"]
        row[claim["verdict"]] += 1
    return {source: counts[source] for source in SOURCES if source in counts}


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    value = float(value)
    return value if math.isfinite(value) else None
