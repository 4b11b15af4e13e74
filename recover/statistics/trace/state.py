"""What a trace asks, and all that it knows."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..logistic import STATUSES, UNRESOLVED

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


def compact(grid: NDArray, won: NDArray, tried: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Values, successes, counts of the cells in use, shape `(rows, most cells in use)`."""
    most = max(1, int((tried > 0).sum(1).max(initial=1)))
    order = np.argsort(tried == 0, axis=1, kind="stable")[:, :most]
    x, s, n = (np.take_along_axis(a, order, axis=1) for a in (grid, won, tried))
    return np.where(n > 0, x, 0.0), s, n


def stretch(aim: NDArray, width: NDArray) -> NDArray:
    """Half of the stretch of axis around a crossing that tells about it, given the logistic width there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return width * np.minimum(_SPREAD, np.sqrt(_CURVATURE * aim / (2 * width)))
