r"""Statistics of success tables: exact rates, fitted transitions, and intervals that respect shared designs.

A sweep leaves one row per (cell, solver, trial). This module turns those rows into the three things a phase
diagram shows: the success rate of a cell with its exact binomial interval (`binomial_interval`,
`success_table`), the place along an axis where a logistic curve crosses a level (`logistic_boundary`), and an
interval for that place which treats a *trial* as the unit of replication (`boundary`), because all cells of a
trial may share one sensing matrix and then succeed and fail together.

Everything runs on the host in NumPy; pandas and SciPy are imported where they are used, so that importing the
package stays cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas

from .binomial import binomial_interval, check_confidence
from .logistic import (
    ABOVE,
    BELOW,
    FITTED,
    STATUSES,
    CurveFits,
    Direction,
    check_direction,
    check_level,
    decisive_cells,
    extent,
    fit_curves,
)
from .outcomes import as_success, check_columns, check_resampling, column_names, curve_codes, dense_outcomes

# Bootstrap counts are formed for a few curves at a time, to bound memory at a few arrays of this many numbers.
_BOOTSTRAP_BLOCK = 2**21


def boundary(
    outcomes: pandas.DataFrame,
    axis: str,
    by: Sequence[str] | str = (),
    level: float = 0.5,
    *,
    confidence: float = 0.95,
    replicates: int = 200,
    seed: int = 0,
    direction: Direction | None = None,
) -> pandas.DataFrame:
    r"""Fitted transition along `axis` for every combination of `by`, with a trial-clustered interval.

    The boundary is that of `logistic_boundary`. With $T$ trials its interval is the union of three, each of
    which fails where another holds:

    1. *Bootstrap over whole trials.* The trial indices are drawn with replacement, the same draw for every
       curve, all cells of a drawn trial kept together, and every replicate refitted. Percentiles are taken at
       the expanded level $\Phi(t_{\alpha/2,T-1}\sqrt{T/(T-1)})$, since plain percentiles are too narrow by that
       factor with few trials. A replicate without a crossing counts as plus or minus infinity.
    2. *Student interval*, $x^\star \pm t_{1-\alpha/2,T-1}\,\hat\sigma$ with the cluster-robust variance
       $\hat\sigma^2 = \frac{T}{T-1}\sum_t (\psi_t - \bar\psi)^2$ of the per-trial influences
       $\psi_t = -(1, x^\star)\, I^{-1} U_t / b_1$ on the boundary, $U_t$ being the score of trial $t$.
       The bootstrap distribution is too short for fewer than ten trials; this one is not.
    3. *What the grid can resolve.* When successes and failures do not overlap, every replicate agrees and both
       widths above collapse. The interval then reaches at least to the nearest cells whose own exact binomial
       interval (one-sided, at `confidence`) excludes the level: the gap between last success and first failure
       once there are five trials or more at level 0.5. With fewer it is unbounded, which is what such data say.

    An end beyond the grid is reported as infinite. Coverage measured at nominal 95 % and level 0.5, a thousand
    repetitions each, 5 to 50 trials, fine and coarse grids, cells independent or nearly identical within a trial,
    with and without missing cells: 0.944 to 0.999, the larger values on coarse grids, where part 3 decides.

    Two limits of the method. The model is symmetric: where the true curve is not (a Gompertz curve was tried) and
    the grid resolves it, the fitted level-0.5 crossing is off by about a fifth of the width, and the interval, which
    shrinks with more trials, then misses (0.91 at 10 trials, 0.63 at 50). And a level far from 0.5 is an extreme
    quantile of a few clusters: at level 0.9 with nearly identical cells coverage was 0.87, 0.90 and 0.93 at 10, 20
    and 50 trials.

    **Arguments:**

    - `outcomes`: one row per outcome with the columns `axis`, `trial`, `success` and those of `by`. Missing cells and
      unequal numbers of trials are weighted by what is there. A missing `success` is a failure, as is every error
      that is not finite when the caller writes `success = error < below`.
    - `axis`: numeric column along which success changes.
    - `by`: columns whose combinations are separate curves; anything not listed is pooled.
    - `level`: success probability that defines the boundary.
    - `confidence`: two-sided confidence of the interval.
    - `replicates`: bootstrap replicates; 0 leaves parts 2 and 3.
    - `seed`: seed of the resampling; equal seeds give equal tables.
    - `direction`: how success depends on the axis. By default each curve decides for itself and a curve whose
      outcomes are all equal follows the majority of the others.

    **Returns:** one row per combination of `by`, sorted, with the columns of `by` and `boundary`, `low`, `high`,
    `width`, `status` (see `logistic_boundary`), `trials` and `points`. `boundary` is NaN outside the grid; `low` and
    `high` never are, but may be infinite.

    **Raises:**

    - `KeyError`: a column is missing.
    - `ValueError`: no rows, an axis that is not numeric and finite, or invalid `level`, `confidence`, `replicates`.

    Sources: Hesterberg (hesterberg2015) for the expanded percentile interval; Cameron, Gelbach and Miller (cameron2008)
    for resampling whole clusters and the Student reference distribution.
    """
    import pandas as pd

    check_level(level)
    check_confidence(confidence)
    check_direction(direction)
    check_resampling(replicates, seed)
    if not isinstance(axis, str):
        raise TypeError(f"axis is {axis!r}; the name of a column is allowed.")
    by = column_names("by", by)
    check_columns(outcomes, [*by, axis, "trial", "success"])
    if outcomes.empty:
        raise ValueError("outcomes has no rows; there is nothing to fit.")
    curve, keys = curve_codes(outcomes, by)
    x, won, tried = dense_outcomes(outcomes, axis, curve, len(keys))

    sign = {None: 0, "increasing": 1, "decreasing": -1}[direction]
    point = fit_curves(x, won.sum(1), tried.sum(1), level, np.full(len(keys), sign), penalised=True)
    if direction is None:
        majority = int(np.sign(point.sign.sum()))
        signs = np.where(point.sign == 0, majority, point.sign)
        point = fit_curves(x, won.sum(1), tried.sum(1), level, signs, penalised=True)

    low, high = _resolution(point, x, won, tried, level, confidence)
    student_low, student_high = _student(point, x, won, tried, confidence)
    resampled_low, resampled_high = _bootstrap(point, x, won, tried, level, confidence, replicates, seed)
    low = np.minimum(low, np.minimum(student_low, resampled_low))
    high = np.maximum(high, np.maximum(student_high, resampled_high))
    first, last = extent(x, tried.sum(1) > 0)
    table = pd.DataFrame(
        {
            "boundary": point.boundary,
            "low": np.where(low < first, -np.inf, low),
            "high": np.where(high > last, np.inf, high),
            "width": point.width,
            "status": np.asarray(STATUSES, dtype=object)[point.status],
            "trials": (tried > 0).any(2).sum(1),
            "points": (tried > 0).any(1).sum(1),
        }
    )
    return pd.concat([keys, table], axis=1)


def success_table(outcomes: pandas.DataFrame, by: Sequence[str] | str, confidence: float = 0.95) -> pandas.DataFrame:
    """Success rate of every cell with its exact binomial interval.

    **Arguments:**

    - `outcomes`: one row per outcome with the column `success` and those of `by`; a missing `success` is a failure.
    - `by`: columns that identify a cell.
    - `confidence`: two-sided confidence of the Clopper-Pearson interval. It holds for a cell because its trials are
      independent; cells that share designs are correlated with each other.

    **Returns:** one row per cell, sorted, with the columns of `by` and `rate`, `low`, `high`, `successes`, `trials`.

    **Raises:**

    - `KeyError`: a column is missing.
    """
    import pandas as pd

    by = column_names("by", by)
    check_confidence(confidence)
    check_columns(outcomes, [*by, "success"])
    cell, keys = curve_codes(outcomes, by)
    trials = np.bincount(cell, minlength=len(keys))
    successes = np.bincount(cell, weights=as_success(outcomes["success"]), minlength=len(keys)).astype(int)
    low, high = binomial_interval(successes, trials, confidence)
    rate = successes / np.maximum(trials, 1)
    table = pd.DataFrame({"rate": rate, "low": low, "high": high, "successes": successes, "trials": trials})
    return pd.concat([keys, table], axis=1)


def _resolution(
    point: CurveFits, x: NDArray, won: NDArray, tried: NDArray, level: float, confidence: float
) -> tuple[NDArray, NDArray]:
    """Ends that the grid alone supports: nothing for a fitted curve, nearest decisive cells for the others."""
    trials = (tried > 0).sum(1)
    rate = won.sum(1) / np.maximum(tried.sum(1), 1)
    # Several rows of one trial in one cell are not independent, so a cell counts its trials, not its rows. The
    # two ends cannot both be missed, so each may use the whole error probability.
    left, right = decisive_cells(point, x, rate * trials, trials, level, 1 - confidence)
    fitted = point.status == STATUSES.index(FITTED)
    return np.where(fitted, point.boundary, left), np.where(fitted, point.boundary, right)


def _student(point: CurveFits, x: NDArray, won: NDArray, tried: NDArray, confidence: float) -> tuple[NDArray, NDArray]:
    """Crossing plus and minus a Student quantile times its cluster-robust error; empty where no slope exists."""
    from scipy import stats
    from scipy.special import expit

    present = (tried > 0).any(2)
    trials = present.sum(1)
    z = (x - point.centre[:, None]) / point.scale[:, None]
    p = expit(point.intercept[:, None] + point.slope[:, None] * z)
    weight = tried.sum(1) * p * (1 - p)
    s0, s1, s2 = weight.sum(1), (weight * z).sum(1), (weight * z * z).sum(1)
    residual = won - tried * p[:, None, :]
    u0, u1 = residual.sum(2), np.einsum("ctp,cp->ct", residual, z)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (point.crossing - point.centre) / point.scale
        scaled = 1 / ((s0 * s2 - s1 * s1) * point.slope)
        influence = (s2 - at * s1)[:, None] * u0 + (at * s0 - s1)[:, None] * u1
        influence *= (scaled * point.scale)[:, None]
        mean = np.where(present, influence, 0.0).sum(1) / trials
        variance = np.where(present, (influence - mean[:, None]) ** 2, 0.0).sum(1)
        reach = np.sqrt(variance * trials / (trials - 1)) * stats.t.ppf((1 + confidence) / 2, trials - 1)
    # One trial says nothing about the spread between trials.
    reach = np.where(trials > 1, reach, np.inf)
    low, high = point.crossing - reach, point.crossing + reach
    # Where the fit has no crossing of the assumed direction the decisive cells already gave the interval.
    sloped = np.isfinite(point.crossing) & (np.sign(point.slope) == point.sign)
    return np.where(sloped, low, np.inf), np.where(sloped, high, -np.inf)


def _bootstrap(
    point: CurveFits,
    x: NDArray,
    won: NDArray,
    tried: NDArray,
    level: float,
    confidence: float,
    replicates: int,
    seed: int,
) -> tuple[NDArray, NDArray]:
    """Expanded percentiles of the boundary over resampled trials; empty without replicates."""
    from scipy import stats

    curves, trials, points = won.shape
    low, high = np.full(curves, np.inf), np.full(curves, -np.inf)
    if replicates == 0:
        return low, high
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(trials, np.full(trials, 1 / trials), size=replicates).astype(float)
    own_trials = (tried > 0).any(2).sum(1)
    freedom = np.maximum(own_trials - 1, 1)
    tail = stats.norm.cdf(stats.t.ppf((1 - confidence) / 2, freedom) * np.sqrt((freedom + 1) / freedom))
    block = max(1, _BOOTSTRAP_BLOCK // (replicates * points))
    for start in range(0, curves, block):
        part = slice(start, start + block)
        size = len(x[part])
        flat = (replicates * size, points)
        resampled = [np.einsum("rt,ctp->crp", draws, a[part], optimize=True) for a in (won, tried)]
        grid = np.broadcast_to(x[part][:, None], (size, replicates, points))
        signs = np.repeat(point.sign[part], replicates)
        fit = fit_curves(grid.reshape(flat), *(a.reshape(flat) for a in resampled), level, signs, penalised=True)
        values = np.select(
            [fit.status == STATUSES.index(ABOVE), fit.status == STATUSES.index(BELOW)],
            [np.inf, -np.inf],
            fit.boundary,
        )
        # Unresolved replicates (a curve that lost all its trials in the draw) are NaN and sort to the end.
        values = np.sort(values.reshape(size, replicates), axis=1)
        resolved = np.isfinite(values).sum(1) + np.isinf(values).sum(1)
        # No interpolation: neighbours may be infinite, and rounding outwards costs at most one replicate.
        rank = np.floor(tail[part] * np.maximum(resolved - 1, 0)).astype(int)
        rows = np.arange(size)
        lowest, highest = values[rows, rank], values[rows, np.maximum(resolved - 1, 0) - rank]
        low[part] = np.where(resolved > 0, lowest, np.inf)
        high[part] = np.where(resolved > 0, highest, -np.inf)
    return low, high
