r"""Where to place the next trials of a transition, and what the trials so far say: the statistics of a trace.

A pure state machine, apart from any model or solver, for many curves at once:

    state = begin(question)
    while (cells := ask(state)) has any cell:
        state = tell(state, cells, outcomes)
    state.estimate

`ask` names cells (positions on each curve's grid), the caller runs some fresh trials at each, `tell` takes the
outcomes in. It knows nothing of how outcomes are made, so its coverage is measured with synthetic curves by the
thousand.

**Placement.** The first round is spread over the whole grid, ends included, and refined around a guess if there
is one. Then every round spreads its points evenly over the part of the axis that matters: the gap between
successes and failures as long as they do not overlap, and $\pm 1.2$ logistic widths around the crossing once they
do, where a trial tells most about the crossing, and where a curve that is not logistic still looks like one.

**Estimate.** A logistic fit to the trials within two widths of the crossing. The interval is Fieller's, the set of
places $x$ at which the hypothesis $b_0 + b_1 x = \operatorname{logit}(\text{level})$ is not rejected,

$$(b_0 + b_1 x - \operatorname{logit}\text{level})^2 \le t^2\,(1, x)\, V\, (1, x)^{\!\top},$$

which stays honest when the slope is uncertain. It is taken for the model-based $V = I^{-1}$ and for the one clustered
by trial, $V = I^{-1}\big(\tfrac{T}{T-1}\sum_t U_t U_t^{\!\top}\big) I^{-1}$ with $U_t$ the score of trial $t$, and the
union of the two is reported: placement depends on the past only, so scores of successive trials remain martingale
differences and either variance remains valid, while cells of one trial may share a design.

**Stopping.** An interval that stops the moment it happens to be narrow stops on curves that happen to look steep. So
the state forecasts how many trials the wanted width takes, and does not look at the width before they are there.

Sources: E. C. Fieller, J. R. Statist. Soc. B 16 (1954) 175-185; T. L. Lai and C. Z. Wei, Annals of Statistics 10
(1982) 154-166, for regression with adaptive designs; S. D. Silvey, Optimal Design (1980), for local optimality.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from .binomial import exact_ends
from .logistic import (
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

RUNNING = "running"
NARROW = "narrow"
GRID = "grid"
OUTSIDE = "outside"
ENDINGS = (RUNNING, NARROW, GRID, OUTSIDE)
"""Why a curve needs no more trials.

- `running`: it does. Where a trace has ended, its budget was used up.
- `narrow`: the interval is as narrow as was asked for.
- `grid`: the transition is located to within a step of the grid, or lies on the one undecided value between two decided
  ones, and the wanted width is less than that; only a finer grid could tell more.
- `outside`: the level is not crossed within the grid.
"""

# Half of the stretch that points are spread over, in logistic widths, is at most this.
_SPREAD = 1.2
# A curve that is not logistic looks like one from nearby: fitted over a half-stretch of d widths, the crossing of a
# complementary log-log curve is off by 0.037 d^2 widths. With d^2 = 3.5 h, for a wanted half interval of h widths, that is a
# quarter of a standard error; and the slope, whose information falls with d^2, is still known to a fifth.
_CURVATURE = 3.5
# While a crossing is uncertain its error counts as well, up to so many widths.
_UNCERTAIN = 1.5
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


@dataclasses.dataclass(frozen=True)
class Question:
    """What a trace is to find out about each of its curves.

    Attributes:
        grid: admissible axis values in ascending order, shape `(curves, cells)`, filled up with NaN.
        level: success probability that defines the transition.
        width: how wide an interval may be, in axis units.
        confidence: two-sided confidence of the intervals.
        points: how many different values a round tries on each curve.
        sign: -1 if success becomes less likely along the axis, 1 if more, 0 if the outcomes shall tell.
        start: where the transition might be, shape `(curves,)`; NaN where there is no guess.
    """

    grid: NDArray[np.float64]
    level: float
    width: float
    confidence: float
    points: int
    sign: int
    start: NDArray[np.float64]

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of admissible values of each curve."""
        return np.isfinite(self.grid).sum(1)

    @property
    def steps(self) -> NDArray[np.float64]:
        """Median distance of neighbouring values of each curve; zero for a single value."""
        alone = self.sizes < 2
        gaps = np.diff(self.grid, axis=1, append=np.nan)
        return np.where(alone, 0.0, np.nanmedian(np.where(alone[:, None], 0.0, gaps), axis=1))


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What the trials so far say about each curve; every field has shape `(curves,)`.

    `boundary`, `low`, `high`, `width` and `status` are those of `statistics.boundary`: transition, its interval,
    logistic width, and one of `STATUSES` as an index. `error` is the standard error that the interval amounts to, and
    `ending` an index into `ENDINGS`.
    """

    boundary: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    width: NDArray[np.float64]
    status: NDArray[np.intp]
    error: NDArray[np.float64]
    ending: NDArray[np.intp]

    @staticmethod
    def blank(curves: int) -> Estimate:
        """Nothing is known."""
        unknown = np.full(curves, np.nan)
        return Estimate(
            boundary=unknown,
            low=np.full(curves, -np.inf),
            high=np.full(curves, np.inf),
            width=unknown,
            status=np.full(curves, STATUSES.index(UNRESOLVED)),
            error=np.full(curves, np.inf),
            ending=np.zeros(curves, np.intp),
        )


@dataclasses.dataclass(frozen=True)
class State:
    """All evidence of a trace.

    Attributes:
        question: what is asked.
        cells: grid positions that were tried, shape `(curves, trials, points)`, -1 for none. A trial may have
            several points; a point is tried once per trial.
        won: whether the trial succeeded there, same shape.
        rounds: how often outcomes were told.
        look: number of trials before which a curve's interval is not compared with the wanted width, shape `(curves,)`;
            zero where there is no forecast yet.
        direction: -1 or 1 where success is clearly seen to fall or rise along the axis, 0 where not.
        estimate: what all this says.
    """

    question: Question
    cells: NDArray[np.intp]
    won: NDArray[np.bool_]
    rounds: int
    look: NDArray[np.intp]
    direction: NDArray[np.intp]
    estimate: Estimate

    @property
    def running(self) -> NDArray[np.bool_]:
        """Which curves need more trials."""
        return self.estimate.ending == ENDINGS.index(RUNNING)


def begin(question: Question) -> State:
    """The state before the first trial."""
    curves = len(question.grid)
    empty = np.zeros((curves, 0, question.points))
    estimate = Estimate.blank(curves)
    zeros = np.zeros(curves, np.intp)
    return State(question, empty.astype(np.intp), empty.astype(bool), 0, zeros, zeros, estimate)


def ask(state: State, points: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Cells for the next round, shape `(curves, points)`, ascending and different; -1 where there are none.

    Arguments:
        state: what is known.
        points: how many to name for each curve, `question.points` by default. A curve that has ended is given none,
            a curve with fewer admissible values all of them.
    """
    question = state.question
    curves, sizes = len(question.grid), question.sizes
    points = np.full(curves, question.points) if points is None else points
    wanted = np.where(state.running, np.minimum(points, sizes), 0)
    result = np.full((curves, int(wanted.max(initial=0))), -1)
    if state.rounds == 0:
        for curve in np.flatnonzero(wanted):
            chosen = _first(question.grid[curve, : sizes[curve]], question.start[curve], int(wanted[curve]))
            result[curve, : len(chosen)] = chosen
        return result
    rows = np.flatnonzero(wanted)
    left, right = _region(state, rows)
    for curve, a, b in zip(rows, left, right, strict=True):
        chosen = _even(question.grid[curve, : sizes[curve]], a, b, int(wanted[curve]))
        # That the level is not crossed takes evidence at the other end as well.
        if state.estimate.status[curve] == STATUSES.index(ABOVE) and chosen[0] > 0:
            chosen = np.r_[0, chosen[1:]]
        elif state.estimate.status[curve] == STATUSES.index(BELOW) and chosen[-1] < sizes[curve] - 1:
            chosen = np.r_[chosen[:-1], sizes[curve] - 1]
        result[curve, : len(chosen)] = chosen
    return result


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
    tail = (1 - question.confidence) * _MARGIN / 2
    return np.ceil(np.log(tail) / np.log(max(question.level, 1 - question.level)))


def _first(values: NDArray, guess: float, count: int) -> NDArray[np.intp]:
    """Both ends and an even spread; with a guess, points at geometric distances from it on both sides."""
    if not np.isfinite(guess) or count < 4:
        return _even(values, values[0], values[-1], count)
    length = values[-1] - values[0]
    sides = (count - 2 + 1) // 2
    reach = length * 4.0 ** -np.arange(1, sides + 1)
    near = np.clip(np.r_[guess - reach, guess + reach], values[0], values[-1])
    chosen = np.unique(np.abs(values[:, None] - np.r_[values[0], values[-1], near]).argmin(0))[:]
    # Points that fall on one grid value make room for an even spread.
    spare = np.setdiff1d(_even(values, values[0], values[-1], count), chosen)[: max(0, count - len(chosen))]
    chosen = np.union1d(chosen, spare)
    others = np.setdiff1d(np.arange(len(values)), chosen)[: max(0, count - len(chosen))]
    chosen = np.union1d(chosen, others)
    if len(chosen) > count:
        # An odd number of points cannot be symmetric: drop one next to the guess.
        drop = np.abs(values[chosen] - guess)[1:-1].argmin() + 1
        chosen = np.delete(chosen, drop)
    return chosen


def _even(values: NDArray, left: float, right: float, count: int) -> NDArray[np.intp]:
    """`count` different positions, spread evenly over [left, right], and beyond where there are too few in it."""
    ends = np.interp([left, right], values, np.arange(len(values)))
    if count == 1:
        return np.asarray([int(ends.mean() + 0.5)])
    low, high = ends
    lack = count - 1 - (high - low)
    if lack > 0:
        low = min(max(low - lack / 2, 0), len(values) - count)
        high = low + count - 1
        return int(low + 0.5) + np.arange(count)
    # Evenly in axis units where the grid is fine enough for that, in positions otherwise.
    at = np.interp(np.linspace(*np.interp(ends, np.arange(len(values)), values), count), values, np.arange(len(values)))
    chosen = np.floor(at + 0.5).astype(int)
    if (np.diff(chosen) > 0).all():
        return chosen
    return np.floor(np.linspace(low, high, count) + 0.5 - 1e-9).astype(int)


def _region(state: State, rows: NDArray[np.intp]) -> tuple[NDArray, NDArray]:
    """The part of the axis that matters, for the given curves."""
    question, estimate = state.question, state.estimate
    tried, won = counts(state, rows)
    grid = question.grid[rows]
    last = grid[np.arange(len(rows)), question.sizes[rows] - 1]
    first = grid[:, 0]
    fit = fit_curves(*_compact(grid, won, tried), question.level, state.direction[rows], penalised=True)
    status, width = fit.status, np.where(np.isfinite(fit.width), fit.width, last - first)
    estimated = np.isfinite(estimate.boundary[rows]) & (estimate.status[rows] == STATUSES.index(FITTED))
    centre = np.where(estimated, estimate.boundary[rows], fit.boundary)
    width = np.where(estimated, estimate.width[rows], width)
    # While the place is uncertain, more has to be covered; but no more than what the window of the fit takes in.
    error = np.minimum(estimate.error[rows], _UNCERTAIN * width)
    reach = np.sqrt(_stretch(np.maximum(question.width, question.steps[rows]), width) ** 2 + error**2)
    codes = [status == STATUSES.index(name) for name in (FITTED, SEPARATED, ABOVE, BELOW)]
    width = np.minimum(width, (last - first) / 4)
    left = np.select(codes, [centre - reach, fit.left, last - 2 * width, first], first)
    right = np.select(codes, [centre + reach, fit.right, last, first + 2 * width], last)
    return left, right


def counts(state: State, rows: NDArray[np.intp] | None = None) -> tuple[NDArray, NDArray]:
    """Trials and successes per cell of the given curves (all by default), shape `(rows, cells)`."""
    rows = np.arange(len(state.cells)) if rows is None else rows
    cells, won = state.cells[rows], state.won[rows]
    size = state.question.grid.shape[1]
    index = (np.arange(len(rows))[:, None, None] * size + cells)[cells >= 0]
    shape = (len(rows), size)
    tried = np.bincount(index, minlength=len(rows) * size).reshape(shape).astype(float)
    successes = np.bincount(index, weights=won[cells >= 0], minlength=len(rows) * size).reshape(shape)
    return tried, successes


def _compact(grid: NDArray, won: NDArray, tried: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Values, successes, counts of the cells in use, shape `(rows, most cells in use)`."""
    most = max(1, int((tried > 0).sum(1).max(initial=1)))
    order = np.argsort(tried == 0, axis=1, kind="stable")[:, :most]
    x, s, n = (np.take_along_axis(a, order, axis=1) for a in (grid, won, tried))
    return np.where(n > 0, x, 0.0), s, n


def _signs(question: Question, clear_before: NDArray, rows: NDArray, x: NDArray, s: NDArray, n: NDArray):
    """The direction of every curve, zero where outcomes hardly tell; and of the given ones, those that tell by majority."""
    from scipy.special import expit

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


def _concluded(state: State) -> State:
    """The state with its estimate brought up to date, for the curves that are still running."""
    from scipy import stats

    question, before = state.question, state.estimate
    rows = np.flatnonzero(state.running)
    tried, won = counts(state, rows)
    grid = question.grid[rows]
    x, s, n = _compact(grid, won, tried)
    told, signs = _signs(question, state.direction, rows, x, s, n)
    sizes = question.sizes[rows]
    ends = grid[:, 0], grid[np.arange(len(rows)), sizes - 1]
    tail = (1 - question.confidence) * _MARGIN
    whole = fit_curves(x, s, n, question.level, signs, penalised=True)
    point, left, right = _windowed(question, rows, whole, x, s, n)
    observed, successes, attempts = _near(state, rows, left, right)
    local = (attempts > 0).any(2).sum(1)
    low, high = fieller_interval(point, observed, successes, attempts, question.level, 1 - tail)

    code = STATUSES.index
    fitted = point.status == code(FITTED)
    exact_low, exact_high = decisive_cells(whole, x, s, n, question.level, tail / 2)
    low, high = np.where(fitted, low, exact_low), np.where(fitted, high, exact_high)
    status = point.status

    # No crossing inside: both ends are on the same side of the level, or the fit puts the crossing beyond an end.
    ends_low, ends_high = (
        np.stack(pair, 1)
        for pair in zip(*(exact_ends(*_at(tried, won, at), tail / 2) for at in (0 * sizes, sizes - 1)), strict=True)
    )
    inside_won, inside_lost = (ends_low > question.level), (ends_high < question.level)
    wins, losses = inside_won.all(1), inside_lost.all(1)
    rising = signs > 0
    outside = wins | losses
    above = (wins & (signs < 0)) | (losses & rising)
    below = (wins & rising) | (losses & (signs < 0))
    beyond, before_first = fitted & (low > ends[1]), fitted & (high < ends[0])
    outside |= beyond | before_first
    status = np.select([above | beyond, below | before_first], [code(ABOVE), code(BELOW)], status)
    status = np.where(outside & (signs == 0), code(UNRESOLVED), status)
    is_above, is_below = status == code(ABOVE), status == code(BELOW)
    low = np.select([is_above & outside, is_below], [ends[1], np.full(len(rows), -np.inf)], low)
    high = np.select([is_above, is_below & outside], [np.full(len(rows), np.inf), ends[0]], high)
    low = np.where(low < ends[0], -np.inf, low)
    high = np.where(high > ends[1], np.inf, high)

    reach = high - low
    trials = (state.cells[rows] >= 0).any(2).sum(1)
    finite = np.isfinite(reach)
    quantile = stats.norm.ppf(1 - tail / 2)
    error = np.where(fitted & finite, reach / (2 * quantile), np.inf)

    look = state.look[rows]
    due = finite & (look > 0) & (trials >= look)
    # Between grid values the crossing is interpolated by a curve that need not be the true one, so an interval is not
    # followed to less than a step of the grid.
    aim = np.maximum(question.width, question.steps[rows])
    close = fitted & due & (reach <= aim)
    narrow = close & (reach <= question.width)
    # Trials near the crossing tell, so the forecast counts those.
    ratio = np.where(finite, reach, 0) / (_AIM * aim)
    more = np.ceil(np.clip(local * (ratio**2 - 1), 1, _GROWTH * local)).astype(int)
    look = np.where(fitted & finite & ~close & ((look == 0) | due), trials + more, look)

    left, right = (np.where(np.isfinite(end), end, fill) for end, fill in ((low, ends[0]), (high, ends[1])))
    between = (grid > left[:, None]) & (grid < right[:, None])
    undecided = between.sum(1)
    waited = np.where(between, tried, 0).sum(1) >= _PATIENCE
    resolved = ~fitted & ~outside & finite
    limited = resolved & ((undecided == 0) | ((undecided == 1) & waited))
    narrow |= resolved & (reach <= question.width)
    limited |= close

    ending = np.select([outside, narrow, limited], [ENDINGS.index(e) for e in (OUTSIDE, NARROW, GRID)], 0)
    boundary = np.where(np.isin(status, (code(FITTED), code(SEPARATED))), point.boundary, np.nan)
    names = ("boundary", "low", "high", "width", "status", "error", "ending")
    values = (boundary, low, high, point.width, status, error, ending)
    updated = {}
    for name, value in zip(names, values, strict=True):
        merged = getattr(before, name).copy()
        merged[rows] = value
        updated[name] = merged
    looks = state.look.copy()
    looks[rows] = look
    return dataclasses.replace(state, look=looks, direction=told, estimate=Estimate(**updated))


def _at(tried: NDArray, won: NDArray, position: NDArray) -> tuple[NDArray, NDArray]:
    rows = np.arange(len(tried))
    return won[rows, position], tried[rows, position]


def _stretch(aim: NDArray, width: NDArray) -> NDArray:
    """Half of the stretch of axis around a crossing that tells about it, given the logistic width there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return width * np.minimum(_SPREAD, np.sqrt(_CURVATURE * aim / (2 * width)))


def _windowed(
    question: Question, rows: NDArray, whole: CurveFits, x: NDArray, s: NDArray, n: NDArray
) -> tuple[CurveFits, NDArray, NDArray]:
    """The fit to the cells near the crossing, or to all cells where that says less; and the window that it looked at."""
    code = STATUSES.index(FITTED)
    fit, low, high = whole, np.full(len(x), -np.inf), np.full(len(x), np.inf)
    step = question.steps[rows]
    aim = np.maximum(question.width, step)
    for _ in range(_REFITS):
        reach = np.maximum(_WINDOW * _stretch(aim, fit.width), 1.5 * step)
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
