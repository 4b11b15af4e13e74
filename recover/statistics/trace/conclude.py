"""What the trials so far say, and which curves need no more of them."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..binomial import exact_ends
from ..logistic import (
    ABOVE,
    BELOW,
    FITTED,
    SEPARATED,
    STATUSES,
    UNRESOLVED,
    CurveFits,
    decisive_cells,
    fieller_interval,
    fit_curves,
)
from .state import ENDINGS, GRID, NARROW, OUTSIDE, Estimate, Question, State, compact, counts, stretch

# The window that is fitted, against that stretch; and how often it is laid anew around what was found in it.
_WINDOW = 5 / 3
_REFITS = 2
# The share of the wanted width that a forecast aims at, so that most curves end at the first look.
_AIM = 0.97
# Early forecasts are poor, so the next one is made when there are so many times as many trials at the latest.
_GROWTH = 0.5
# The confidence of the interval inside is raised, for what forecasts, asymmetric curves and few trials cost.
_MARGIN = 0.8
# A slope this many standard errors squared from zero tells the direction.
_CLEAR = 9.0
# A cell that stays undecided for so many trials, between two that are decided, is the transition itself.
_PATIENCE = 40


def tell(state: State, cells: NDArray[np.intp], outcomes: NDArray[np.bool_]) -> State:
    """The state after a round.

    Arguments:
        state: the state that `cells` was asked of.
        cells: tried positions, shape `(curves, points)`.
        outcomes: success of fresh trials, shape `(curves, trials, points)`; ignored where `cells` is -1.
    """
    trials = outcomes.shape[1]
    width = max(state.cells.shape[2], cells.shape[1])

    def widened(array, fill):
        return np.pad(array, ((0, 0), (0, 0), (0, width - array.shape[2])), constant_values=fill)

    fresh = np.repeat(cells[:, None], trials, axis=1)
    everything = np.concatenate([widened(state.cells, -1), widened(fresh, -1)], axis=1)
    won = np.concatenate([widened(state.won, False), widened(outcomes & (fresh >= 0), False)], axis=1)
    return _concluded(dataclasses.replace(state, cells=everything, won=won, rounds=state.rounds + 1))


def grid_instances(state: State) -> NDArray[np.float64]:
    r"""How many instances an even grid over each curve's axis takes for intervals as narrow as the ones found.

    With spacing $s$ and $N$ independent trials per cell the information on the crossing is $N / (s w)$, so that a
    range of length $L$ takes $L w / \sigma^2$ instances for the standard error $\sigma$, whatever the spacing; more where the axis ends
    within the transition. Where
    successes and failures do not overlap, the spacing must be the width of the interval, with the trials that
    decide a cell, six at level 0.5.
    """
    from scipy.special import expit

    question, estimate = state.question, state.estimate
    sizes = question.sizes
    length = question.grid[np.arange(len(sizes)), sizes - 1] - question.grid[:, 0]
    reach = np.where(np.isfinite(estimate.high - estimate.low), estimate.high - estimate.low, question.width)
    separate = (length / np.maximum(reach, 1e-300) + 1) * _decisive_count(question)
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = np.stack([question.grid[:, 0], question.grid[np.arange(len(sizes)), sizes - 1]])
        first, last = expit((ends - estimate.boundary) / estimate.width)
        overlapping = length * estimate.width / (last - first) / estimate.error**2
    fitted = (estimate.status == STATUSES.index(FITTED)) & np.isfinite(estimate.error)
    return np.where(fitted, np.maximum(overlapping, separate), separate)


def _decisive_count(question: Question) -> float:
    """Trials with equal outcomes that prove a cell to be on one side of the level, on the worse side."""
    tail = _tail(question) / 2
    return np.ceil(np.log(tail) / np.log(max(question.level, 1 - question.level)))


@dataclasses.dataclass(frozen=True)
class _Evidence:
    """Outcomes of the curves that are still running: per value of the grid, and (`x`, `s`, `n`) per value in use."""

    rows: NDArray[np.intp]
    grid: NDArray[np.float64]
    tried: NDArray[np.float64]
    won: NDArray[np.float64]
    last: NDArray[np.intp]
    x: NDArray[np.float64]
    s: NDArray[np.float64]
    n: NDArray[np.float64]

    @staticmethod
    def of(state: State) -> _Evidence:
        rows = np.flatnonzero(state.running)
        tried, won = counts(state, rows)
        grid = state.question.grid[rows]
        return _Evidence(rows, grid, tried, won, state.question.sizes[rows] - 1, *compact(grid, won, tried))

    @property
    def ends(self) -> tuple[NDArray, NDArray]:
        """First and last value of every grid."""
        return self.grid[:, 0], self.grid[np.arange(len(self.rows)), self.last]

    def at(self, position: NDArray) -> tuple[NDArray, NDArray]:
        """Successes and trials at a position of every grid."""
        index = np.arange(len(self.rows))
        return self.won[index, position], self.tried[index, position]


@dataclasses.dataclass(frozen=True)
class _Interval:
    """Where the crossing is: the fit, the interval and the status; `local`, how many trials tell about it."""

    fit: CurveFits
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    status: NDArray[np.intp]
    local: NDArray[np.intp]

    @property
    def fitted(self) -> NDArray[np.bool_]:
        return self.fit.status == STATUSES.index(FITTED)

    @property
    def reach(self) -> NDArray[np.float64]:
        return self.high - self.low


def _concluded(state: State) -> State:
    """The state with its estimate brought up to date, for the curves that are still running."""
    evidence = _Evidence.of(state)
    told, signs = _signs(state.question, state.direction, evidence)
    interval = _interval(state, evidence, signs)
    interval, outside = _bounded(state.question, evidence, signs, interval)
    look, close = _forecast(state, evidence, interval)
    ending = _ending(state.question, evidence, interval, outside, close)
    return _merged(state, evidence.rows, told, look, interval, ending)


def _tail(question: Question) -> float:
    return (1 - question.confidence) * _MARGIN


def _signs(question: Question, clear_before: NDArray, evidence: _Evidence) -> tuple[NDArray, NDArray]:
    """The direction of every curve, zero where outcomes hardly tell; and of the given ones, those that tell by majority."""
    from scipy.special import expit

    rows, x, s, n = evidence.rows, evidence.x, evidence.s, evidence.n
    if question.sign:
        return np.full(len(clear_before), question.sign), np.full(len(rows), question.sign)
    fit = fit_curves(x, s, n, question.level, np.zeros(len(rows), int), penalised=True)
    z = np.where(n > 0, (x - fit.centre[:, None]) / fit.scale[:, None], 0.0)
    p = expit(fit.intercept[:, None] + fit.slope[:, None] * z)
    weight = n * p * (1 - p)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = (weight * z * z).sum(1) - (weight * z).sum(1) ** 2 / weight.sum(1)
        clear = (fit.slope**2 * information > _CLEAR) | (fit.status == STATUSES.index(SEPARATED))
    told = clear_before.copy()
    told[rows] = np.where(clear, fit.sign, 0)
    majority = int(np.sign(told.sum()))
    return told, np.where(clear | (majority == 0), np.where(fit.sign == 0, majority, fit.sign), majority)


def _interval(state: State, evidence: _Evidence, signs: NDArray) -> _Interval:
    """Fieller's interval where successes and failures overlap, the gap between decided cells where not."""
    question, tail = state.question, _tail(state.question)
    x, s, n = evidence.x, evidence.s, evidence.n
    whole = fit_curves(x, s, n, question.level, signs, penalised=True)
    fit, left, right = _windowed(question, evidence.rows, whole, x, s, n)
    observed, successes, attempts = _near(state, evidence.rows, left, right)
    low, high = fieller_interval(fit, observed, successes, attempts, question.level, 1 - tail)
    exact_low, exact_high = decisive_cells(whole, x, s, n, question.level, tail / 2)
    fitted = fit.status == STATUSES.index(FITTED)
    low, high = np.where(fitted, low, exact_low), np.where(fitted, high, exact_high)
    return _Interval(fit, low, high, fit.status, (attempts > 0).any(2).sum(1))


def _bounded(
    question: Question, evidence: _Evidence, signs: NDArray, interval: _Interval
) -> tuple[_Interval, NDArray[np.bool_]]:
    """The interval within its grid, and whether there is no crossing inside.

    There is none if both ends are on the same side of the level, or if the fit puts the crossing beyond an end.
    """
    code, (first, last) = STATUSES.index, evidence.ends
    positions, level = (0 * evidence.last, evidence.last), question.level
    exact = [exact_ends(*evidence.at(position), _tail(question) / 2) for position in positions]
    ends_low, ends_high = (np.stack(pair, 1) for pair in zip(*exact, strict=True))
    wins, losses, rising = (ends_low > level).all(1), (ends_high < level).all(1), signs > 0
    above = (wins & (signs < 0)) | (losses & rising)
    below = (wins & rising) | (losses & (signs < 0))
    beyond, before_first = interval.fitted & (interval.low > last), interval.fitted & (interval.high < first)
    outside = wins | losses | beyond | before_first
    status = np.select([above | beyond, below | before_first], [code(ABOVE), code(BELOW)], interval.status)
    status = np.where(outside & (signs == 0), code(UNRESOLVED), status)
    is_above, is_below = status == code(ABOVE), status == code(BELOW)
    low = np.select([is_above & outside, is_below], [last, np.full(len(last), -np.inf)], interval.low)
    high = np.select([is_above, is_below & outside], [np.full(len(last), np.inf), first], interval.high)
    low, high = np.where(low < first, -np.inf, low), np.where(high > last, np.inf, high)
    return dataclasses.replace(interval, low=low, high=high, status=status), outside


def _aim(question: Question, evidence: _Evidence) -> NDArray[np.float64]:
    # Between grid values the crossing is interpolated by a curve that need not be the true one, so an interval is not
    # followed to less than a step of the grid.
    return np.maximum(question.width, question.steps[evidence.rows])


def _forecast(state: State, evidence: _Evidence, interval: _Interval) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """When to look at the width of an interval again, and whether it is as narrow as it is followed to."""
    rows, aim, reach = evidence.rows, _aim(state.question, evidence), interval.reach
    trials = (state.cells[rows] >= 0).any(2).sum(1)
    finite, look = np.isfinite(reach), state.look[rows]
    due = finite & (look > 0) & (trials >= look)
    close = interval.fitted & due & (reach <= aim)
    # Trials near the crossing tell, so the forecast counts those.
    ratio = np.where(finite, reach, 0) / (_AIM * aim)
    more = np.ceil(np.clip(interval.local * (ratio**2 - 1), 1, _GROWTH * interval.local)).astype(int)
    again = interval.fitted & finite & ~close & ((look == 0) | due)
    return np.where(again, trials + more, look), close


def _ending(
    question: Question, evidence: _Evidence, interval: _Interval, outside: NDArray, close: NDArray
) -> NDArray[np.intp]:
    """Why a curve needs no more trials, as an index into `ENDINGS`."""
    reach, (first, last) = interval.reach, evidence.ends
    left = np.where(np.isfinite(interval.low), interval.low, first)
    right = np.where(np.isfinite(interval.high), interval.high, last)
    between = (evidence.grid > left[:, None]) & (evidence.grid < right[:, None])
    undecided = between.sum(1)
    waited = np.where(between, evidence.tried, 0).sum(1) >= _PATIENCE
    resolved = ~interval.fitted & ~outside & np.isfinite(reach)
    narrow = (close | resolved) & (reach <= question.width)
    limited = close | (resolved & ((undecided == 0) | ((undecided == 1) & waited)))
    return np.select([outside, narrow, limited], [ENDINGS.index(each) for each in (OUTSIDE, NARROW, GRID)], 0)


def _merged(
    state: State, rows: NDArray[np.intp], told: NDArray, look: NDArray, interval: _Interval, ending: NDArray
) -> State:
    """The state with what was found of some curves in place of what was known."""
    from scipy import stats

    quantile = stats.norm.ppf(1 - _tail(state.question) / 2)
    located = np.isin(interval.status, (STATUSES.index(FITTED), STATUSES.index(SEPARATED)))
    found = {
        "boundary": np.where(located, interval.fit.boundary, np.nan),
        "low": interval.low,
        "high": interval.high,
        "width": interval.fit.width,
        "status": interval.status,
        "error": np.where(interval.fitted & np.isfinite(interval.reach), interval.reach / (2 * quantile), np.inf),
        "ending": ending,
    }
    for name, value in found.items():
        merged = getattr(state.estimate, name).copy()
        merged[rows] = value
        found[name] = merged
    looks = state.look.copy()
    looks[rows] = look
    return dataclasses.replace(state, look=looks, direction=told, estimate=Estimate(**found))


def _windowed(
    question: Question, rows: NDArray, whole: CurveFits, x: NDArray, s: NDArray, n: NDArray
) -> tuple[CurveFits, NDArray, NDArray]:
    """The fit to the cells near the crossing, or to all cells where that says less; and the window that it looked at."""
    code = STATUSES.index(FITTED)
    fit, low, high = whole, np.full(len(x), -np.inf), np.full(len(x), np.inf)
    step = question.steps[rows]
    aim = np.maximum(question.width, step)
    for _ in range(_REFITS):
        reach = np.maximum(_WINDOW * stretch(aim, fit.width), 1.5 * step)
        reach = np.where(fit.status == code, reach, np.inf)
        middle = np.where(fit.status == code, fit.boundary, 0)
        near = np.abs(x - middle[:, None]) <= reach[:, None]
        closer = fit_curves(x, np.where(near, s, 0), np.where(near, n, 0), question.level, np.zeros(len(x), int), True)
        take = (closer.status == code) & (closer.sign == whole.sign) & (whole.status == code)
        fields = [f.name for f in dataclasses.fields(CurveFits)]
        fit = CurveFits(**{f: np.where(take, getattr(closer, f), getattr(fit, f)) for f in fields})
        low, high = np.where(take, middle - reach, low), np.where(take, middle + reach, high)
    return fit, low, high


def _near(state: State, rows: NDArray, left: NDArray, right: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Values, successes and attempts of all trials within a window, shape `(rows, trials, points)`."""
    cells = state.cells[rows]
    flat = np.maximum(cells, 0).reshape(len(rows), -1)
    x = np.take_along_axis(state.question.grid[rows], flat, axis=1).reshape(cells.shape)
    near = (cells >= 0) & (x >= left[:, None, None]) & (x <= right[:, None, None])
    return np.where(near, x, 0.0), (state.won[rows] & near).astype(float), near.astype(float)
