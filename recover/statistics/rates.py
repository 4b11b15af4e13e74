"""Rates: how fast an error falls along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .binomial import check_confidence
from .outcomes import check_columns, check_resampling, curve_codes
from .resampling import FEWEST_TRIALS, trial_intervals

if TYPE_CHECKING:
    import pandas

FITTED, FEW_TRIALS, UNRESOLVED = "fitted", "few trials", "unresolved"


def rate_table(
    outcomes: pandas.DataFrame,
    axis: str,
    by: Sequence[str],
    *,
    scale: str = "log",
    confidence: float = 0.95,
    replicates: int = 2000,
    seed: int = 0,
) -> pandas.DataFrame:
    r"""Slope of log values along an axis, by least squares over all rows of a curve.

    With `scale="log"` the rate is $b$ of $v \approx f x^b$, with `"linear"` that of $v \approx f e^{b x}$: the slope of the
    geometric mean over trials. Its interval resamples whole trials (`trial_intervals`).

    **Arguments:**

    - `outcomes`: one row per outcome with the columns `axis`, `trial`, `value` and those of `by`. Rows whose value is not
      positive and finite are left out.
    - `by`: columns whose combinations are separate curves.

    **Returns:** one row per combination of `by`, sorted, with these columns and `rate`, `low`, `high`, `factor` ($f$),
    `deviation` (the largest factor between the geometric mean at a value and the line), `status` (`fitted`; `few trials`:
    fewer than ten, so the interval is infinite; `unresolved`: fewer than two values have rows), `trials`, `points`, and `used`,
    the share of rows that were not left out.

    **Raises:** `ValueError` for an axis that is not numeric and finite, or not positive on a logarithmic scale, and for another scale.
    """
    import pandas as pd

    check_confidence(confidence)
    check_resampling(replicates, seed)
    check_columns(outcomes, [*by, axis, "trial", "value"])
    x = _positions(outcomes[axis], axis, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.log(outcomes["value"].to_numpy(float))
    used = np.isfinite(y)
    codes, keys = curve_codes(outcomes, list(by))
    trials = outcomes["trial"].to_numpy()
    rows = []
    for curve in range(len(keys)):
        own = codes == curve
        kept = own & used
        fit = _fit(x[kept], y[kept], trials[kept], confidence, replicates, seed)
        rows.append({**fit, "used": kept.sum() / own.sum()})
    return pd.concat([keys, pd.DataFrame(rows)], axis=1)


def _positions(column: pandas.Series, axis: str, scale: str) -> NDArray[np.float64]:
    """Where the values of an axis lie on a scale."""
    if not isinstance(scale, str) or scale not in ("log", "linear"):
        raise ValueError(f'`scale` is {scale!r}; "log" or "linear" is allowed.')
    if column.dtype.kind not in "iuf" or not np.isfinite(column).all():
        raise ValueError(f"the axis {axis!r} does not hold finite numbers, along which there is no rate.")
    if scale == "log" and not (column > 0).all():
        raise ValueError(
            f'the axis {axis!r} has the value {column.min()}, which has no logarithm; `scale="linear"` is allowed.'
        )
    x = column.to_numpy(float)
    return np.log(x) if scale == "log" else x


def _fit(x: NDArray, y: NDArray, trials: NDArray, confidence: float, replicates: int, seed: int) -> dict:
    names, trial = np.unique(trials, return_inverse=True)
    places, place = np.unique(x, return_inverse=True)
    row = {"rate": np.nan, "low": -np.inf, "high": np.inf, "factor": np.nan, "deviation": np.nan}
    counts = {"trials": len(names), "points": len(places)}
    if len(places) < 2:
        return {**row, "status": UNRESOLVED, **counts}
    centre, level = x.mean(), y.mean()
    u, v = x - centre, y - level
    # The sums of every trial are all that a drawing of trials needs.
    sums = np.stack([np.bincount(trial, each) for each in (np.ones(len(u)), u, v, u * u, u * v)], axis=1)

    def slopes(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        n, su, sv, suu, suv = (weights @ sums).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return ((n * suv - su * sv) / (n * suu - su * su))[None]

    rate = float(slopes(np.ones((1, len(names))))[0, 0])
    (low,), (high,) = trial_intervals(slopes, len(names), confidence, replicates, seed)
    means = np.bincount(place, v) / np.bincount(place)
    row = {
        "rate": rate,
        "low": low,
        "high": high,
        "factor": np.exp(level - rate * centre),
        "deviation": np.exp(np.abs(means - rate * (places - centre)).max()),
    }
    return {**row, "status": FITTED if len(names) >= FEWEST_TRIALS else FEW_TRIALS, **counts}
