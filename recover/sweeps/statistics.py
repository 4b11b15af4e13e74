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

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas

# NumPy's own alias leaves plain integers to the type checker's promotion of int to complex, which a runtime check lacks.
ArrayLike: TypeAlias = np.ndarray | np.generic | float | int | Sequence[Any]
Direction: TypeAlias = Literal["increasing", "decreasing"]

FITTED = "fitted"
SEPARATED = "separated"
ABOVE = "above"
BELOW = "below"
UNRESOLVED = "unresolved"
STATUSES = (FITTED, SEPARATED, ABOVE, BELOW, UNRESOLVED)
"""What a fitted curve can be; `logistic_boundary` says what each one means."""

# Curves are fitted a block at a time: a block of this many numbers stays in the second-level cache, and the
# dozen element-wise passes of one Newton step then cost arithmetic rather than memory traffic.
_FIT_BLOCK = 2**16
# Bootstrap counts are formed for a few curves at a time, to bound memory at a few arrays of this many numbers.
_BOOTSTRAP_BLOCK = 2**21


def binomial_interval(
    successes: ArrayLike, count: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Exact (Clopper-Pearson) interval for a success probability, element by element.

    With $s$ successes in $n$ independent trials and $\alpha = 1 - \text{confidence}$ the ends are the Beta
    quantiles

    $$\ell = B_{\alpha/2}(s,\, n - s + 1), \qquad u = B_{1-\alpha/2}(s + 1,\, n - s),$$

    with $\ell = 0$ at $s = 0$ and $u = 1$ at $s = n$; no trials at all give $[0, 1]$. Coverage is at least
    `confidence` for every true probability.

    Arguments:
        successes: number of successes, any shape. Fractional values (weighted counts) are accepted.
        count: number of trials, broadcast against `successes`.
        confidence: two-sided confidence, strictly between 0 and 1.

    Returns:
        `(low, high)`, each of the broadcast shape.

    Raises:
        ValueError: a count is negative or not finite, or more successes than trials.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413.
    """
    _check_confidence(confidence)
    s, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(count, float))
    _check_counts(s, n)
    return _exact_ends(s, n, (1 - confidence) / 2)


@dataclasses.dataclass(frozen=True)
class BoundaryFit:
    """Logistic boundaries of many curves; every field has the shape of the curves, without the points axis.

    Attributes:
        boundary: where the fitted curve crosses the level, in axis units; NaN unless `status` is `fitted` or
            `separated`.
        width: logistic width 1/|slope| in axis units, the distance over which the log-odds change by one (the
            10 % to 90 % distance is 4.39 widths). For a separated curve the data only bound it from above and
            the value is set by the penalty. NaN when no slope was fitted.
        left: left end of what the data leave possible for the boundary: `boundary` itself for a fitted curve,
            the last grid value before the jump for a separated one, the grid's end or minus infinity otherwise.
        right: right end, likewise.
        increasing: whether success becomes more likely along the axis (False where `status` is unresolved).
        status: one of `STATUSES`, as strings.
    """

    boundary: NDArray[np.float64]
    width: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    increasing: NDArray[np.bool_]
    status: np.ndarray


def logistic_boundary(
    values: ArrayLike,
    successes: ArrayLike,
    counts: ArrayLike,
    level: float = 0.5,
    *,
    direction: Direction | None = None,
    penalised: bool = True,
) -> BoundaryFit:
    r"""Fit a logistic success curve to every row at once and say where it crosses `level`.

    Along the axis $x$ the success probability is modelled as $\operatorname{logit} p(x) = b_0 + b_1 x$, fitted
    by maximising the binomial likelihood with Jeffreys' prior as penalty (Firth's correction),

    $$\sum_i s_i \log p_i + (n_i - s_i)\log(1 - p_i) + \tfrac12 \log\det I(b), \qquad
      I(b) = \sum_i n_i p_i (1 - p_i) \binom{1}{x_i}\binom{1}{x_i}^{\!\top},$$

    and the boundary is $x^\star = (\operatorname{logit}\text{level} - b_0)/b_1$. The penalty removes the
    leading bias of the estimate and keeps it finite when success and failure do not overlap, the usual case on
    a coarse grid, where maximum likelihood does not exist. A curve that is not monotone is fitted anyway.

    Status of a curve:

    - `fitted`: the level is crossed inside the grid and successes overlap failures.
    - `separated`: the level is crossed inside the grid, with at most one mixed cell. The data only say that the
      boundary lies in `[left, right]`; the penalised fit is used as the point estimate and held inside.
    - `above`: the boundary lies beyond the largest value (for instance all succeed and success decreases along
      the axis). A crossing beyond the grid would be an extrapolation: `boundary` is NaN, `left` the last value,
      `right` infinite.
    - `below`: the mirror image, `left` minus infinity and `right` the first value.
    - `unresolved`: nothing can be said (no trials, one mixed cell only, or all outcomes equal and no
      `direction` given); `[left, right]` is the whole line.

    Arguments:
        values: axis values, shape `(..., points)` or `(points,)`, in any order.
        successes: number of successes, shape `(..., points)`.
        counts: number of trials, same shape; cells with count zero are ignored. Fractional weights are fine.
        level: success probability that defines the boundary, strictly between 0 and 1.
        direction: how success depends on the axis. By default the sign of the fitted slope decides; given, it
            decides on which side the boundary of a curve without a crossing lies.
        penalised: False gives plain maximum likelihood; separated curves then have boundary and width NaN.

    Returns:
        A `BoundaryFit` with fields of shape `(...)`.

    Raises:
        ValueError: shapes do not broadcast, counts are invalid, or `level` is outside (0, 1).

    Sources: D. Firth, Biometrika 80 (1993) 27-38; G. Heinze and M. Schemper,
    Statistics in Medicine 21 (2002) 2409-2419, for separation; A. Albert and J. A. Anderson, Biometrika 71
    (1984) 1-10, for when the maximum exists.
    """
    _check_level(level)
    x, s, n = np.broadcast_arrays(*(np.asarray(a, float) for a in (values, successes, counts)))
    if x.ndim == 0:
        raise ValueError("values, successes and counts need a points axis; got scalars.")
    _check_counts(s, n)
    if not np.all(np.isfinite(x) | (n == 0)):
        raise ValueError("axis values must be finite wherever there are trials.")
    shape, points = x.shape[:-1], x.shape[-1]
    sign = {None: 0, "increasing": 1, "decreasing": -1}[direction]
    signs = np.full(int(np.prod(shape)), sign)
    flat = [a.reshape(-1, points) for a in (x, s, n)]
    curves = _fit(*flat, level, signs, penalised)
    codes = np.asarray(STATUSES)[curves.status]
    return BoundaryFit(
        *(a.reshape(shape) for a in (curves.boundary, curves.width, curves.left, curves.right)),
        increasing=(curves.sign > 0).reshape(shape),
        status=codes.reshape(shape),
    )


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

    Arguments:
        outcomes: one row per outcome with the columns `axis`, `trial`, `success` and those of `by`. Missing
            cells and unequal numbers of trials are weighted by what is there. A missing `success` is a failure,
            as is every error that is not finite when the caller writes `success = error < below`.
        axis: numeric column along which success changes.
        by: columns whose combinations are separate curves; anything not listed is pooled.
        level: success probability that defines the boundary.
        confidence: two-sided confidence of the interval.
        replicates: bootstrap replicates; 0 leaves parts 2 and 3.
        seed: seed of the resampling; equal seeds give equal tables.
        direction: how success depends on the axis. By default each curve decides for itself and a curve whose
            outcomes are all equal follows the majority of the others.

    Returns:
        One row per combination of `by`, sorted, with the columns of `by` and `boundary`, `low`, `high`,
        `width`, `status` (see `logistic_boundary`), `trials` and `points`. `boundary` is NaN outside the grid;
        `low` and `high` never are, but may be infinite.

    Raises:
        KeyError: a column is missing.
        ValueError: no rows, an axis that is not numeric and finite, or invalid `level`, `confidence`,
            `replicates`.

    Sources: T. C. Hesterberg, The American Statistician 69 (2015) 371-386, for the expanded
    percentile interval; A. C. Cameron, J. B. Gelbach and D. L. Miller, Review of Economics and Statistics 90
    (2008) 414-427, for resampling whole clusters and the Student reference distribution.
    """
    import pandas as pd

    _check_level(level)
    _check_confidence(confidence)
    if replicates < 0:
        raise ValueError(f"replicates must not be negative; got {replicates}.")
    by = [by] if isinstance(by, str) else list(by)
    _check_columns(outcomes, [*by, axis, "trial", "success"])
    if outcomes.empty:
        raise ValueError("outcomes has no rows; there is nothing to fit.")
    curve, keys = _curve_codes(outcomes, by)
    x, won, tried = _dense_outcomes(outcomes, axis, curve, len(keys))

    sign = {None: 0, "increasing": 1, "decreasing": -1}[direction]
    point = _fit(x, won.sum(1), tried.sum(1), level, np.full(len(keys), sign), penalised=True)
    if direction is None:
        majority = int(np.sign(point.sign.sum()))
        signs = np.where(point.sign == 0, majority, point.sign)
        point = _fit(x, won.sum(1), tried.sum(1), level, signs, penalised=True)

    low, high = _resolution(point, x, won, tried, level, confidence)
    student_low, student_high = _student(point, x, won, tried, confidence)
    resampled_low, resampled_high = _bootstrap(point, x, won, tried, level, confidence, replicates, seed)
    low = np.minimum(low, np.minimum(student_low, resampled_low))
    high = np.maximum(high, np.maximum(student_high, resampled_high))
    first, last = _extent(x, tried.sum(1) > 0)
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

    Arguments:
        outcomes: one row per outcome with the column `success` and those of `by`; a missing `success` is a
            failure.
        by: columns that identify a cell.
        confidence: two-sided confidence of the Clopper-Pearson interval. It holds for a cell because its trials
            are independent; cells that share designs are correlated with each other.

    Returns:
        One row per cell, sorted, with the columns of `by` and `rate`, `low`, `high`, `successes`, `trials`.

    Raises:
        KeyError: a column is missing.
    """
    import pandas as pd

    by = [by] if isinstance(by, str) else list(by)
    _check_columns(outcomes, [*by, "success"])
    cell, keys = _curve_codes(outcomes, by)
    trials = np.bincount(cell, minlength=len(keys))
    successes = np.bincount(cell, weights=_as_success(outcomes["success"]), minlength=len(keys)).astype(int)
    low, high = binomial_interval(successes, trials, confidence)
    rate = successes / np.maximum(trials, 1)
    table = pd.DataFrame({"rate": rate, "low": low, "high": high, "successes": successes, "trials": trials})
    return pd.concat([keys, table], axis=1)


@dataclasses.dataclass(frozen=True)
class _Curves:
    """Fits of a flat batch of curves; statuses are indices into `STATUSES`, slopes are in standardised units."""

    boundary: NDArray[np.float64]
    width: NDArray[np.float64]
    left: NDArray[np.float64]
    right: NDArray[np.float64]
    sign: NDArray[np.int64]
    status: NDArray[np.int64]
    crossing: NDArray[np.float64]
    intercept: NDArray[np.float64]
    slope: NDArray[np.float64]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]


def _fit(x: NDArray, s: NDArray, n: NDArray, level: float, signs: NDArray[np.int64], penalised: bool) -> _Curves:
    """Fit and classify the curves `(curves, points)`; `signs` is the known direction of each, 0 if unknown."""
    curves = len(x)
    block = max(1, _FIT_BLOCK // max(1, x.shape[1]))
    starts = range(0, curves, block) if curves else [0]
    parts = [_fit_block(*(a[i : i + block] for a in (x, s, n)), level, signs[i : i + block], penalised) for i in starts]
    fields = [f.name for f in dataclasses.fields(_Curves)]
    return _Curves(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})


def _fit_block(x: NDArray, s: NDArray, n: NDArray, level: float, signs: NDArray[np.int64], penalised: bool) -> _Curves:
    from scipy.special import logit

    used = n > 0
    x = np.where(used, x, 0.0)
    won, lost = (s > 0) & used, (s < n) & used
    first, last = _extent(x, used)
    all_won, all_lost = won.any(1) & ~lost.any(1), lost.any(1) & ~won.any(1)
    mixed = won.any(1) & lost.any(1)

    # The maximum of the likelihood exists only if successes overlap failures along the axis.
    last_won, last_lost = (np.where(a, x, -np.inf).max(1, initial=-np.inf) for a in (won, lost))
    first_won, first_lost = (np.where(a, x, np.inf).min(1, initial=np.inf) for a in (won, lost))
    spread = last > first
    separated = mixed & spread & ((last_won <= first_lost) | (last_lost <= first_won))

    # Standardise, so that steps, tolerances and the determinant below do not depend on the axis units.
    total = np.maximum(used.sum(1), 1)
    centre = np.where(used, x, 0.0).sum(1) / total
    scale = np.sqrt(np.where(used, (x - centre[:, None]) ** 2, 0.0).sum(1) / total)
    scale = np.where(spread, scale, 1.0)
    z = np.where(used, (x - centre[:, None]) / scale[:, None], 0.0)

    intercept, slope = np.full(len(x), np.nan), np.full(len(x), np.nan)
    fit = mixed & spread & (penalised | ~separated)
    intercept[fit], slope[fit] = _newton(z[fit], s[fit], n[fit], float(penalised))

    threshold = logit(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = centre + scale * (threshold - intercept) / slope
        width = scale / np.abs(slope)
    # A slope this small is rounding error of a curve without any trend.
    found = np.where(np.abs(slope) > 1e-9, np.sign(slope), 0.0)
    found = np.where(separated, np.where(last_won <= first_lost, -1.0, 1.0), found)
    sign = np.where(signs != 0, signs, np.nan_to_num(found)).astype(int)

    # Where the fitted curve stays on one side of the level over the whole grid there is no crossing to report.
    at_first = intercept + slope * (first - centre) / scale - threshold
    at_last = intercept + slope * (last - centre) / scale - threshold
    high = all_won | (~separated & (at_first > 0) & (at_last > 0))
    low = all_lost | (~separated & (at_first < 0) & (at_last < 0))
    rate = s / np.where(used, n, 1.0)
    success_side, failure_side = used & (rate >= level), used & (rate <= level)
    falling = (last_won <= first_lost)[:, None]
    left = np.where(np.where(falling, success_side, failure_side), x, -np.inf).max(1, initial=-np.inf)
    right = np.where(np.where(falling, failure_side, success_side), x, np.inf).min(1, initial=np.inf)
    # A separated curve is judged by its cells, since how far its fit reaches is the doing of the penalty.
    high |= separated & ~failure_side.any(1)
    low |= separated & ~success_side.any(1)

    status = np.full(len(x), STATUSES.index(UNRESOLVED))
    status[mixed & spread & ~separated & ~high & ~low & (sign != 0)] = STATUSES.index(FITTED)
    status[separated & ~high & ~low] = STATUSES.index(SEPARATED)
    status[(high & (sign < 0)) | (low & (sign > 0))] = STATUSES.index(ABOVE)
    status[(high & (sign > 0)) | (low & (sign < 0))] = STATUSES.index(BELOW)

    is_fitted, is_separated, is_above, is_below, _ = (status == code for code in range(len(STATUSES)))
    # The penalised crossing of a separated curve may leave the gap by a little when cells are unevenly filled.
    inside = np.clip(crossing, left, right)
    where = np.where(is_fitted, crossing, np.where(is_separated, inside, np.nan))
    return _Curves(
        boundary=where,
        width=width,
        left=np.select([is_fitted, is_separated, is_above], [crossing, left, last], -np.inf),
        right=np.select([is_fitted, is_separated, is_below], [crossing, right, first], np.inf),
        sign=sign,
        status=status,
        crossing=crossing,
        intercept=intercept,
        slope=slope,
        centre=centre,
        scale=scale,
    )


def _newton(z: NDArray, s: NDArray, n: NDArray, penalty: float) -> tuple[NDArray, NDArray]:
    r"""Fisher scoring for two parameters, all curves at once, finished curves dropped as they converge.

    One step solves $I(b)\,d = \sum_i \big(s_i - n_i p_i + \text{penalty}\, h_i(\tfrac12 - p_i)\big)(1, z_i)$ with
    the leverages $h_i$ of the weighted design (Firth 1993).

    Measured on two shared cores, 50,000 curves of 31 cells with 20 trials each: 0.5 to 0.7 s. A loop over the
    binomial GLM of statsmodels takes 91 to 154 s for the same curves (extrapolated from 300), 130 to 300 times longer,
    and finds no maximum for the separated ones.
    """
    from scipy.special import expit

    curves = len(z)
    # The pooled log-odds with no slope: a start from which scoring converged for every table tried.
    intercept = np.log((s.sum(1) + 0.5) / ((n - s).sum(1) + 0.5))
    slope = np.zeros(curves)
    active = np.arange(curves)
    b0, b1 = intercept.copy(), slope.copy()
    for _ in range(200):
        if not len(active):
            break
        p = expit(b0[:, None] + b1[:, None] * z)
        expected = n * p
        weight = expected * (1 - p)
        weighted = weight * z
        s0, s1 = weight.sum(1), weighted.sum(1)
        squared = weighted * z
        s2 = squared.sum(1)
        # Underflow to zero would need a slope far beyond the penalised maximum; keep the division defined.
        determinant = np.maximum(s0 * s2 - s1 * s1, 1e-300)
        residual = s - expected
        if penalty:
            leverage = s2[:, None] * weight - 2 * s1[:, None] * weighted + s0[:, None] * squared
            residual += (penalty / determinant)[:, None] * leverage * (0.5 - p)
        u0, u1 = residual.sum(1), np.einsum("cp,cp->c", residual, z)
        d0, d1 = (s2 * u0 - s1 * u1) / determinant, (s0 * u1 - s1 * u0) / determinant
        size = np.maximum(np.abs(d0), np.abs(d1))
        # Scoring overshoots when most cells are saturated: bound the step by the size of what it changes.
        damping = np.minimum(1.0, np.maximum(5.0, np.abs(b1) / 2) / np.maximum(size, 1e-300))
        b0, b1 = b0 + damping * d0, b1 + damping * d1
        intercept[active], slope[active] = b0, b1
        running = size > 1e-8 * (1 + np.abs(b0) + np.abs(b1))
        if not running.all():
            active, b0, b1 = active[running], b0[running], b1[running]
            z, s, n = z[running], s[running], n[running]
    return intercept, slope


def _resolution(
    point: _Curves, x: NDArray, won: NDArray, tried: NDArray, level: float, confidence: float
) -> tuple[NDArray, NDArray]:
    """Ends that the grid alone supports: nothing for a fitted curve, nearest decisive cells for the others."""
    trials = (tried > 0).sum(1)
    rate = won.sum(1) / np.maximum(tried.sum(1), 1)
    # Several rows of one trial in one cell are not independent, so a cell counts its trials, not its rows. The
    # two ends cannot both be missed, so each may use the whole error probability.
    left, right = decisive_cells(point, x, rate * trials, trials, level, 1 - confidence)
    fitted = point.status == STATUSES.index(FITTED)
    return np.where(fitted, point.boundary, left), np.where(fitted, point.boundary, right)


def decisive_cells(
    point: _Curves, x: NDArray, s: NDArray, n: NDArray, level: float, tail: float
) -> tuple[NDArray, NDArray]:
    """Nearest cells on either side of the boundary whose exact intervals exclude the level; infinite where there are none.

    `x`, `s`, `n` are values, successes and trials of shape `(curves, points)`; each cell errs with probability at most
    `tail`. The ends enclose `[point.left, point.right]`.
    """
    low, high = _exact_ends(s, n, tail)
    certain_win, certain_loss = (n > 0) & (low > level), (n > 0) & (high < level)
    rising = (point.sign > 0)[:, None]
    left = np.where(np.where(rising, certain_loss, certain_win), x, -np.inf).max(1)
    right = np.where(np.where(rising, certain_win, certain_loss), x, np.inf).min(1)
    # On a curve that is not monotone the decisive cells may contradict each other; then they bound nothing.
    broken = (point.status == STATUSES.index(UNRESOLVED)) | (left >= right)
    return (
        np.where(broken, -np.inf, np.minimum(left, point.left)),
        np.where(broken, np.inf, np.maximum(right, point.right)),
    )


def fieller_interval(
    point: _Curves, x: NDArray, won: NDArray, tried: NDArray, level: float, confidence: float
) -> tuple[NDArray, NDArray]:
    r"""Places at which the fitted log-odds do not differ from the level's: two Fieller intervals, and their union.

    The set $\{x : (b_0 + b_1 x - \operatorname{logit}\text{level})^2 \le t^2 (1, x) V (1, x)^{\!\top}\}$ for the
    model-based $V = I^{-1}$ and for the variance clustered by trial, $I^{-1} \frac{T}{T-1}\sum_t U_t U_t^{\!\top}
    I^{-1}$, with Student quantiles of $T - 1$ degrees of freedom. The whole line where either slope is not significant
    or there are fewer than two trials.

    Arguments:
        point: fits of the same observations.
        x: values, shape `(curves, trials, points)`; every observation has its own.
        won: successes, same shape.
        tried: numbers of attempts, same shape; zero for none.
        level: success probability that defines the boundary.
        confidence: two-sided confidence.

    Returns:
        `(low, high)`, each of shape `(curves,)`.

    Source: E. C. Fieller, J. R. Statist. Soc. B 16 (1954) 175-185.
    """
    from scipy import stats
    from scipy.special import expit, logit

    present = (tried > 0).any(2)
    trials = present.sum(1)
    wide = [a[:, None, None] for a in (point.centre, point.scale, point.intercept, point.slope)]
    z = np.where(tried > 0, (x - wide[0]) / wide[1], 0.0)
    p = expit(wide[2] + wide[3] * z)
    weight = tried * p * (1 - p)
    s0, s1, s2 = weight.sum((1, 2)), (weight * z).sum((1, 2)), (weight * z * z).sum((1, 2))
    residual = won - tried * p
    u0, u1 = residual.sum(2), (residual * z).sum(2)
    b00, b01, b11 = (u0 * u0).sum(1), (u0 * u1).sum(1), (u1 * u1).sum(1)
    correction = trials / np.maximum(trials - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = s0 * s2 - s1 * s1
        i00, i01, i11 = s2 / determinant, -s1 / determinant, s0 / determinant
        c00 = i00 * i00 * b00 + 2 * i00 * i01 * b01 + i01 * i01 * b11
        c01 = i00 * (i01 * b00 + i11 * b01) + i01 * (i01 * b01 + i11 * b11)
        c11 = i01 * i01 * b00 + 2 * i01 * i11 * b01 + i11 * i11 * b11
        squared = stats.t.ppf((1 + confidence) / 2, np.maximum(trials - 1, 1)) ** 2
        low, high = np.full(len(trials), np.inf), np.full(len(trials), -np.inf)
        for v00, v01, v11 in ((i00, i01, i11), (correction * c00, correction * c01, correction * c11)):
            distance = point.intercept - logit(level)
            a = point.slope**2 - squared * v11
            b = distance * point.slope - squared * v01
            c = distance**2 - squared * v00
            root = np.sqrt(np.maximum(b * b - a * c, 0))
            bounded = (a > 0) & (trials > 1)
            low = np.minimum(low, np.where(bounded, point.centre + point.scale * (-b - root) / a, -np.inf))
            high = np.maximum(high, np.where(bounded, point.centre + point.scale * (-b + root) / a, np.inf))
    return low, high


def _student(point: _Curves, x: NDArray, won: NDArray, tried: NDArray, confidence: float) -> tuple[NDArray, NDArray]:
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
    point: _Curves,
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
        fit = _fit(grid.reshape(flat), *(a.reshape(flat) for a in resampled), level, signs, penalised=True)
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


def _curve_codes(outcomes: pandas.DataFrame, by: list[str]) -> tuple[NDArray[np.intp], pandas.DataFrame]:
    """Number the combinations of `by` in sorted order; returns the code of each row and the combinations."""
    import pandas as pd

    if not by:
        return np.zeros(len(outcomes), dtype=np.intp), pd.DataFrame(index=pd.RangeIndex(1))
    groups = outcomes.groupby(by, sort=True, dropna=False, observed=True)
    codes = groups.ngroup().to_numpy()
    _, first_rows = np.unique(codes, return_index=True)
    return codes, outcomes[by].iloc[first_rows].reset_index(drop=True)


def _dense_outcomes(
    outcomes: pandas.DataFrame, axis: str, curve: NDArray[np.intp], curves: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Axis values `(curves, points)` and successes, counts `(curves, trials, points)`, short curves padded."""
    import pandas as pd

    try:
        values = outcomes[axis].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the axis column {axis!r} must be numeric.") from error
    if not np.isfinite(values).all():
        raise ValueError(f"the axis column {axis!r} holds values that are not finite.")
    levels, code = np.unique(values, return_inverse=True)
    cells, cell = np.unique(curve * len(levels) + code, return_inverse=True)
    owner = cells // len(levels)
    position = np.arange(len(cells)) - np.searchsorted(owner, owner)
    points = int(position.max()) + 1
    x = np.zeros((curves, points))
    x[owner, position] = levels[cells % len(levels)]
    trial, names = pd.factorize(outcomes["trial"], sort=True, use_na_sentinel=False)
    shape = (curves, len(names), points)
    index = np.ravel_multi_index((curve, trial, position[cell]), shape)
    size = int(np.prod(shape))
    tried = np.bincount(index, minlength=size).astype(float).reshape(shape)
    won = np.bincount(index, weights=_as_success(outcomes["success"]), minlength=size).reshape(shape)
    return x, won, tried


def _exact_ends(s: NDArray, n: NDArray, tail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clopper-Pearson ends that each miss with probability at most `tail`."""
    from scipy import stats

    # The Beta parameters must be positive; the two ends where one of them vanishes are known exactly.
    low = np.where(s > 0, stats.beta.ppf(tail, np.maximum(s, 1e-12), n - s + 1), 0.0)
    high = np.where(s < n, stats.beta.ppf(1 - tail, s + 1, np.maximum(n - s, 1e-12)), 1.0)
    return low, high


def _as_success(column: pandas.Series) -> NDArray[np.float64]:
    """Success as 0 and 1; a missing value is a failure."""
    return column.astype("boolean").fillna(False).to_numpy(dtype=float)


def _extent(x: NDArray, used: NDArray) -> tuple[NDArray, NDArray]:
    """Smallest and largest axis value in use, per curve."""
    return (
        np.where(used, x, np.inf).min(1, initial=np.inf),
        np.where(used, x, -np.inf).max(1, initial=-np.inf),
    )


def _check_counts(successes: NDArray, count: NDArray) -> None:
    valid = np.isfinite(successes) & np.isfinite(count) & (successes >= 0) & (successes <= count)
    if not valid.all():
        raise ValueError("counts must be finite with 0 <= successes <= count in every cell.")


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1; got {confidence}.")


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1; got {level}.")


def _check_columns(outcomes: pandas.DataFrame, needed: list[str]) -> None:
    missing = [name for name in needed if name not in outcomes.columns]
    if missing:
        raise KeyError(f"outcomes lacks the columns {missing}; it has {list(outcomes.columns)}.")
