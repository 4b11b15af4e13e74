"""Where the next trials go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..logistic import ABOVE, BELOW, FITTED, SEPARATED, STATUSES, fit_curves
from .state import State, compact, counts, stretch

# While a crossing is uncertain its error counts as well, up to so many widths.
_UNCERTAIN = 1.5


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


def _first(values: NDArray, guess: float, count: int) -> NDArray[np.intp]:
    """Both ends and an even spread; with a guess, points at geometric distances from it on both sides."""
    if not np.isfinite(guess) or count < 4:
        return _even(values, values[0], values[-1], count)
    length = values[-1] - values[0]
    sides = (count - 2 + 1) // 2
    reach = length * 4.0 ** -np.arange(1, sides + 1)
    near = np.clip(np.r_[guess - reach, guess + reach], values[0], values[-1])
    chosen = np.unique(np.abs(values[:, None] - np.r_[values[0], values[-1], near]).argmin(0))
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
    fit = fit_curves(*compact(grid, won, tried), question.level, state.direction[rows], penalised=True)
    status, width = fit.status, np.where(np.isfinite(fit.width), fit.width, last - first)
    estimated = np.isfinite(estimate.boundary[rows]) & (estimate.status[rows] == STATUSES.index(FITTED))
    centre = np.where(estimated, estimate.boundary[rows], fit.boundary)
    width = np.where(estimated, estimate.width[rows], width)
    # While the place is uncertain, more has to be covered; but no more than what the window of the fit takes in.
    error = np.minimum(estimate.error[rows], _UNCERTAIN * width)
    reach = np.sqrt(stretch(np.maximum(question.width, question.steps[rows]), width) ** 2 + error**2)
    codes = [status == STATUSES.index(name) for name in (FITTED, SEPARATED, ABOVE, BELOW)]
    width = np.minimum(width, (last - first) / 4)
    left = np.select(codes, [centre - reach, fit.left, last - 2 * width, first], first)
    right = np.select(codes, [centre + reach, fit.right, last, first + 2 * width], last)
    return left, right
