"""From rows to what figures show: one number over trials per group, always with its interval."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from recover import Table
from recover.statistics.binomial import binomial_interval

Ends = tuple[np.ndarray, np.ndarray, np.ndarray]


def _mean(values: np.ndarray, confidence: float) -> Ends:
    """Mean with its t interval; what is not a number is left out."""
    middle, spread, count = _moments(values)
    half = stats.t.ppf((1 + confidence) / 2, np.maximum(count - 1, 1)) * spread / np.sqrt(np.maximum(count, 1))
    return middle, middle - half, middle + half


def _mean_spread(values: np.ndarray, confidence: float) -> Ends:
    """Mean, and one standard deviation to either side; what is not a number is left out."""
    middle, spread, _ = _moments(values)
    return middle, middle - spread, middle + spread


def _median(values: np.ndarray, confidence: float) -> Ends:
    """Median with the interval of order statistics that covers for any law; what is not a number is infinite."""
    ranked, middle = _ranked(values)
    count = ranked.shape[1]
    # These ranks enclose the median with at least the wanted probability, if there are such.
    below = int(stats.binom.ppf((1 - confidence) / 2, count, 0.5))
    unbounded = np.full(len(ranked), np.inf)
    low, high = (ranked[:, below - 1], ranked[:, count - below]) if below >= 1 else (-unbounded, unbounded)
    return middle, low, high


def _median_range(values: np.ndarray, confidence: float) -> Ends:
    """Median, least and largest value; what is not a number is infinite."""
    ranked, middle = _ranked(values)
    return middle, ranked[:, 0], ranked[:, -1]


def _median_deciles(values: np.ndarray, confidence: float) -> Ends:
    """Median, first and last decile; what is not a number is infinite, and no decile lies between it and a number."""
    ranked, middle = _ranked(values)
    low, high = (np.quantile(ranked, level, axis=1, method="higher") for level in (0.1, 0.9))
    return middle, low, high


def _median_quartiles(values: np.ndarray, confidence: float) -> Ends:
    """Median, and quartiles between neighbouring values; what is not a number is infinite."""
    ranked, middle = _ranked(values)
    ends = []
    for level in (0.25, 0.75):
        place = level * (ranked.shape[1] - 1)
        below, above = ranked[:, int(np.floor(place))], ranked[:, int(np.ceil(place))]
        with np.errstate(invalid="ignore", over="ignore"):
            ends.append(np.where(below == above, below, below + (place % 1) * (above - below)))
    return middle, *ends


def _rate(values: np.ndarray, confidence: float) -> Ends:
    """Share of true values with its exact (Clopper-Pearson) interval; what is not a number is false."""
    won = np.nansum(values, axis=1)
    low, high = binomial_interval(won, values.shape[1], confidence)
    return won / values.shape[1], low, high


def _moments(values: np.ndarray) -> Ends:
    """Mean, standard deviation and number of what is a number, row by row."""
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.where(there, values, 0.0).sum(axis=1) / count
        squares = np.where(there, (values - middle[:, None]) ** 2, 0.0).sum(axis=1)
    return middle, np.sqrt(squares / np.maximum(count - 1, 1)), count


def _ranked(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows in ascending order, and their medians."""
    ranked = np.sort(np.where(np.isnan(values), np.inf, values), axis=1)
    count = ranked.shape[1]
    low, high = ranked[:, (count - 1) // 2], ranked[:, count // 2]
    # Between two infinite values there is nothing to interpolate.
    with np.errstate(over="ignore", invalid="ignore"):
        return ranked, np.where(low == high, low, low + (high - low) / 2)


STATISTICS: dict[str, Callable[[np.ndarray, float], Ends]] = {
    "mean": _mean,
    "mean_spread": _mean_spread,
    "median": _median,
    "median_range": _median_range,
    "median_deciles": _median_deciles,
    "median_quartiles": _median_quartiles,
    "rate": _rate,
}


def summarise(
    rows: Table | pd.DataFrame,
    by: Sequence[str],
    *,
    confidence: float = 0.95,
    **columns: str | tuple[str, str],
) -> pd.DataFrame:
    """One row per group: `<column>`, `<column>_low`, `<column>_high` of every column, and the number of `trials`.

    **Arguments:**

    - `rows`: a table of a sweep, or rows of one.
    - `by`: columns whose combinations are the groups; they keep the order in which they appear.
    - `confidence`: that of the intervals, where the ends are an interval of confidence.
    - `columns`: name of a column = one of `STATISTICS`; or any name = `(column, statistic)`.

    **Raises:** `KeyError` for a column that is not there, or a statistic that is unknown.
    """
    frame = rows.frame if isinstance(rows, Table) else rows
    by = list(by)
    chosen = {name: (name, given) if isinstance(given, str) else given for name, given in columns.items()}
    for column, statistic in chosen.values():
        if statistic not in STATISTICS:
            raise KeyError(f"summarise: {statistic!r} is no statistic; allowed: {', '.join(STATISTICS)}.")
        if column not in frame:
            raise KeyError(f"summarise: there is no column {column!r}; there are {', '.join(map(str, frame.columns))}.")
    group = frame.groupby(by, sort=False, observed=True).ngroup().to_numpy() if by else np.zeros(len(frame), int)
    sizes = np.bincount(group)
    order = np.argsort(group, kind="stable")
    first = np.cumsum(sizes) - sizes
    found = frame[by].iloc[order[first]].reset_index(drop=True)
    ends = {f"{name}{end}": np.empty(len(sizes)) for name in chosen for end in ("", "_low", "_high")}
    # Groups of equal size, which are nearly always all of them, are summarised side by side.
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        members = order[first[alike][:, None] + np.arange(size)]
        for name, (column, statistic) in chosen.items():
            values = frame[column].to_numpy(float)[members]
            for end, value in zip(("", "_low", "_high"), STATISTICS[statistic](values, confidence), strict=True):
                ends[f"{name}{end}"][alike] = value
    return found.assign(**ends, trials=sizes)


def unrolled(
    rows: Table | pd.DataFrame, every: int, history: str | Mapping[str, str] = "history", value: str = "error"
) -> pd.DataFrame:
    """Histories as rows: one per row of the sweep and recorded step, with the columns `step` and `value`.

    What else the rows hold stays, so that `summarise(unrolled(...), [..., "step"], error=...)` is the error per step. Several
    histories side by side are asked for by `{value: history}`.
    """
    frame = rows.frame if isinstance(rows, Table) else rows
    histories = {value: history} if isinstance(history, str) else dict(history)
    recorded = {name: np.stack(frame[column].to_list()) for name, column in histories.items()}
    steps = every * np.arange(next(iter(recorded.values())).shape[1])
    kept = [name for name in frame if name not in (*recorded, "steps") and not str(name).endswith("history")]
    long = frame[kept].loc[frame.index.repeat(len(steps))].reset_index(drop=True)
    columns = {name: values.reshape(-1) for name, values in recorded.items()}
    return long.assign(step=np.tile(steps, len(frame)), **columns)


def differences(
    rows: Table | pd.DataFrame,
    by: Sequence[str],
    column: str,
    first: str,
    second: str | None = None,
    among: str = "solver",
) -> pd.DataFrame:
    """Mean difference of a column between two solvers on the same instances, as `summarise` gives it: `difference`.

    Without `second` there is one row for every other solver, in the column `among`.
    """
    frame = rows.frame if isinstance(rows, Table) else rows
    wide = frame.set_index([*by, "trial", among])[column].unstack(among)
    if second is not None:
        return summarise((wide[first] - wide[second]).rename("difference").reset_index(), by, difference="mean")
    paired = wide.drop(columns=first).rsub(wide[first], axis=0).stack().rename("difference").reset_index()
    return summarise(paired, [among, *by], difference="mean")


def tidied(found: Mapping[str, ArrayLike], **axes: Iterable) -> pd.DataFrame:
    """Arrays over the same axes, which are given in their order, as rows."""
    index = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
    return pd.DataFrame({name: np.reshape(values, -1) for name, values in found.items()}, index).reset_index()


def crossing(x: ArrayLike, y: ArrayLike, level: float) -> float:
    """Where a curve over a logarithmic axis first reaches a level, interpolated; infinite where it does not.

    With `1 / x` in place of `x` it is the inverse of where the curve last falls below the level.
    """
    order = np.argsort(x)
    at, values = np.log(np.asarray(x, float)[order]), np.asarray(y, float)[order]
    reached = np.flatnonzero(values >= level)
    if not len(reached):
        return float("inf")
    first = reached[0]
    if first == 0:
        return float(np.exp(at[0]))
    share = (level - values[first - 1]) / (values[first] - values[first - 1])
    return float(np.exp(at[first - 1] + share * (at[first] - at[first - 1])))
