"""Tracing a phase transition: trials where they tell most, instead of a full grid.

The statistics, where to place trials and when to stop, are those of `statistics.trace`; this module asks the engine for the
outcomes, one sweep per round with all curves together, and keeps the shapes of rounds so that programs are reused.
"""

import concurrent.futures
import dataclasses
import itertools
import math
import numbers
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..statistics.logistic import STATUSES
from ..statistics.trace.conclude import grid_instances, tell
from ..statistics.trace.place import ask
from ..statistics.trace.state import ENDINGS, Question, State, begin, counts
from .columns import RESERVED, axis_values, check_cell, checked_axes
from .loaded_code import Codes
from .measure import Measure
from .plan import Entry, Grid, Lane, check_lanes, largest_capacities, make_groups, padded, pairs, signature
from .precision import in_precision
from .progress import reporter
from .request import Request
from .run import computed

if TYPE_CHECKING:
    import pandas as pd

# Values that a range (low, high) of a continuous axis is divided into, ends included.
_DIVISIONS = 512
# Columns of curves besides those of rows.
_OF_CURVES = ("boundary", "low", "high", "width", "status", "ended", "instances", "trials", "points", "grid_instances")
_RESERVED = (*RESERVED, *_OF_CURVES)

Guess = float | int | Mapping[Any, Any] | Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class BoundaryTrace:
    """Transitions with intervals, and the evidence for them.

    - `curves`: one row per combination of the `over` axes and solver: these, `boundary`, `low`, `high`, `width` (the
      logistic width), `status` (one of `statistics.STATUSES`), `ended` (`narrow`, `grid`, `outside`, `budget`; see
      `trace_boundary`), `instances`, `trials`, `points`, and `grid_instances`, what an even grid over the same axis would
      have taken for an interval as narrow.
    - `frame`: one row per instance: axes, `solver`, `trial`, `error`, what else a sweep reports, and `success`.
    - `rounds`: number of sweeps that were run; `instances`: rows of all of them.
    """

    curves: "pd.DataFrame"
    frame: "pd.DataFrame"
    rounds: int

    @property
    def instances(self) -> int:
        """Instances used, of all curves."""
        return len(self.frame)


def trace_boundary(
    cell: Callable[..., Any],
    *,
    along: Mapping[str, Iterable[Any]],
    over: Mapping[str, Iterable[Any]] | None = None,
    width: float,
    below: float,
    level: float = 0.5,
    metric: str = "error",
    confidence: float = 0.95,
    direction: str | None = None,
    start: Guess | None = None,
    trials: int = 3,
    points: int = 8,
    max_instances: int | None = None,
    max_per_curve: int = 2000,
    seed: int = 0,
    max_steps: int = 1000,
    share: str = "trial",
    store: str | os.PathLike[str] | None = None,
    executor: concurrent.futures.Executor | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    memory: int | None = None,
    precision: str = "float32",
    measure: Measure | None = None,
) -> BoundaryTrace:
    """Finds where success crosses `level` along one axis, to an interval of a wanted width, with few instances.

    In rounds, `trials` fresh trials are run at `points` values on every curve that needs them, placed by what is known so
    far; all curves of a round are one sweep. A curve ends as

    - `narrow`: its interval is at most `width` wide;
    - `grid`: the transition is located to a step of the axis, or to the one value between two decided neighbours, and
      `width` is less than that;
    - `outside`: the level is not crossed within the axis (`status` says on which side, where the direction is known);
    - `budget`: `max_per_curve` or `max_instances` was reached first, and the interval is what it is by then.

    Intervals cover in at least 93 of 100 repetitions at nominal 95 %, adaptive placement and stopping included; the tests
    measure it. They treat a trial as the unit of replication, since its cells may share a design. As a trial serves all
    curves, estimates of different curves are correlated under `share="trial"`; each interval holds by itself.

    **Arguments:**

    - `cell`: as for `sweep`. Several solvers are several curves; a point that is `None` is not admissible.
    - `along`: one axis name, with its admissible values (a long list costs nothing: `range(1, 200)`), or a tuple
      `(low, high)` of two floats for a continuous axis.
    - `over`: the other axes: every combination of their values, and every solver, is a curve.
    - `width`: wanted width of the interval, in units of the axis.
    - `below`, `metric`: an instance succeeds if its `metric`, which may be measured, is less than `below`.
    - `level`, `confidence`: success probability that defines the transition, confidence of its interval.
    - `direction`: `"increasing"` or `"decreasing"` success along the axis; found from the outcomes by default.
    - `start`: where the transition may be: a number, a function of the `over` axes (as keyword arguments), or a mapping
      from their values (tuples of them, if there are several axes). `None` or NaN is no guess. It only moves points
      of the first round, so a wrong guess costs a round or two and biases nothing.
    - `trials`, `points`: trials of a round and values per curve and round. More of them make fewer, larger rounds.
    - `max_instances`, `max_per_curve`: budgets, for the whole trace (none by default) and for each curve.
    - `seed`, `max_steps`, `share`, `store`, `executor`, `memory`, `precision`, `measure`: as for `sweep`. With a `store`, a trace
      that is run again takes the rows that it finds there and goes on.
    - `progress`: as for `sweep`; the total is what the budgets allow.

    **Returns:** a `BoundaryTrace`.

    **Raises:** `ValueError` for an axis that is not numeric, finite and of two different values at least, for repeated or
    reserved axis names, and for numbers out of range; it says what is allowed.
    """
    along_name, values = _along(along)
    over = checked_axes(over or {}, "trace_boundary", _RESERVED)
    checked_axes({along_name: values}, "trace_boundary")
    if along_name in over:
        raise ValueError(f"trace_boundary: `over` has the axis {along_name!r} of `along`; other axes are allowed.")
    _check(width, below, level, confidence, direction, trials, points, max_instances, max_per_curve, max_steps)

    check_cell(cell, (along_name, *over), "trace_boundary")

    # The first round's request: a word or a number that is not allowed is refused before any cell is called.
    request = Request.of(range(trials), seed, max_steps, share, precision, store, None, memory, measure)
    with in_precision(request.precision):
        family = _Family.of(cell, along_name, values, over, points, trials * max_steps)
    request.check_columns((lane for curve in family.curves for lane in curve.lanes), (along_name, *over))
    question = Question(
        grid=family.grid(),
        level=float(level),
        width=float(width),
        confidence=float(confidence),
        points=int(points),
        sign={None: 0, "increasing": 1, "decreasing": -1}[direction],
        start=family.guesses(start),
    )
    first = int(np.minimum(question.sizes, points).sum() * trials)
    if max_instances is not None and max_instances < first:
        raise ValueError(
            f"trace_boundary: `max_instances` is {max_instances}; at least {first}, the first round, is allowed."
        )

    state, used, tables = begin(question), np.zeros(len(family.curves), int), []
    total = len(family.curves) * max_per_curve if max_instances is None else max_instances
    with reporter(progress, total) as report:
        while True:
            cells = ask(state, _shares(state, used, points, trials, max_per_curve))
            asked = (cells >= 0).sum(1) * trials
            if not asked.any() or (max_instances is not None and used.sum() + asked.sum() > max_instances):
                break
            fresh = range(state.rounds * trials, (state.rounds + 1) * trials)
            table = computed(dataclasses.replace(request, trials=fresh), family.placed(cells), executor, False)
            if not isinstance(metric, str) or metric not in table.frame:
                raise ValueError(f"trace_boundary: `metric` is {metric!r}; allowed: {', '.join(table.frame.columns)}.")
            # A comparison with NaN is false, so a diverged row is a failure.
            frame = table.frame.assign(success=table.frame[metric] < below)
            outcomes = np.zeros((len(cells), trials, cells.shape[1]), bool)
            outcomes[frame["curve"], frame["trial"] - state.rounds * trials, frame["place"]] = frame["success"]
            tables.append(family.named(frame, cells))
            state = tell(state, cells, outcomes)
            used += asked
            report.advance(int(asked.sum()))
    return _trace(family, state, used, tables)


@dataclasses.dataclass(frozen=True)
class _Curve:
    """One transition: a point of the other axes, a solver label, and what is admissible there: axis values and lanes."""

    point: tuple
    label: Hashable
    values: list
    lanes: list[Lane]


@dataclasses.dataclass(frozen=True)
class _Family:
    """All curves of a trace, and the capacities that every model and solver is padded to.

    A round's models differ from the last one's. Padded to the largest of the whole axis they still share its program.
    """

    along: str
    over: tuple[str, ...]
    curves: list[_Curve]
    capacities: dict[tuple[int, Any], tuple[tuple, tuple]]

    @staticmethod
    def of(cell, along: str, values: list, over: dict[str, list], points: int, passes: int) -> "_Family":
        """Calls `cell` everywhere and notes what is admissible, and the largest capacities."""
        curves: dict[tuple, _Curve] = {}
        order: dict[tuple, int] = {}
        largest: dict[tuple[int, Any], Lane] = {}
        codes = Codes()
        for point, value in itertools.product(itertools.product(*over.values()), values):
            named = {**dict(zip(over, point, strict=True)), along: value}
            made = cell(**named)
            if made is None:
                continue
            for label, model, solver in pairs(made, named):
                curve = curves.setdefault((point, label), _Curve(point, label, [], []))
                lane = Lane.of(model, solver, codes)
                curve.values.append(value)
                curve.lanes.append(lane)
                key = (order.setdefault((point, label), len(order)), signature(lane))
                largest[key] = _larger(largest[key], lane) if key in largest else lane
        few = next((curve for curve in curves.values() if len(curve.values) < 2), None)
        if not curves or few is not None:
            where = "everywhere" if few is None else f"at all but {len(few.values)} values for {few.point}, {few.label}"
            raise ValueError(
                f"trace_boundary: `cell` returned None {where}; at least two admissible values of {along!r} are needed."
            )
        check_lanes("trace_boundary", (lane for curve in curves.values() for lane in curve.lanes), codes)
        # The engine's own buckets, for a round in which all curves take part.
        owner = {id(lane): key for key, lane in largest.items()}
        capacities = {}
        for bucket in make_groups([lane for lane in largest.values() for _ in range(points)], passes):
            sides = largest_capacities(bucket)
            for lane in bucket:
                capacities[owner[id(lane)]] = sides
        return _Family(along, tuple(over), list(curves.values()), capacities)

    def grid(self) -> NDArray[np.float64]:
        """Admissible values, shape `(curves, most values)`, filled up with NaN."""
        result = np.full((len(self.curves), max(len(curve.values) for curve in self.curves)), np.nan)
        for row, curve in zip(result, self.curves, strict=True):
            row[: len(curve.values)] = curve.values
        return result

    def guesses(self, start: Guess | None) -> NDArray[np.float64]:
        """The guess for every curve, NaN for none."""
        return np.asarray([_guess(start, dict(zip(self.over, curve.point, strict=True))) for curve in self.curves])

    def placed(self, cells: NDArray[np.intp]) -> Grid:
        """The lanes of a round, over the axes `curve` and `place`."""
        entries, told, lanes = [], [], {}
        for curve, place in zip(*np.nonzero(cells >= 0), strict=True):
            this = self.curves[curve]
            lane = this.lanes[cells[curve, place]]
            if lane.name not in lanes:
                model_capacities, solver_capacities = self.capacities[int(curve), signature(lane)]
                model, solver = padded(lane.model, model_capacities), padded(lane.solver, solver_capacities)
                lanes[lane.name] = dataclasses.replace(lane, model=model, solver=solver)
            entries.append(Entry((int(curve), int(place)), this.label, lane.name))
            told.append(Entry((*this.point, this.values[cells[curve, place]]), this.label, lane.name))
        asked = np.flatnonzero((cells >= 0).any(1)).tolist()
        axes = {name: list(dict.fromkeys(entry.coordinates[i] for entry in told)) for i, name in enumerate(self.over)}
        axes[self.along] = sorted({entry.coordinates[-1] for entry in told})
        named = Grid(axes, told, lanes)
        return Grid({"curve": asked, "place": list(range(cells.shape[1]))}, entries, lanes, named)

    def named(self, frame: "pd.DataFrame", cells: NDArray[np.intp]) -> "pd.DataFrame":
        """Rows of a round with the axes in place of `curve` and `place`."""
        columns = {}
        for number, name in enumerate(self.over):
            columns[name] = [self.curves[curve].point[number] for curve in frame["curve"]]
        positions = cells[frame["curve"], frame["place"]]
        columns[self.along] = [self.curves[c].values[p] for c, p in zip(frame["curve"], positions, strict=True)]
        rest = frame.drop(columns=["curve", "place", "block"])
        return rest.assign(**columns)[[*columns, *rest.columns]]


def _larger(first: Lane, second: Lane) -> Lane:
    """The first lane with capacities that serve both."""
    sides = largest_capacities((first, second))
    model, solver = padded(first.model, sides[0]), padded(first.solver, sides[1])
    return dataclasses.replace(first, model=model, solver=solver)


def _shares(state: State, used: NDArray, points: int, trials: int, most: int) -> NDArray[np.intp]:
    """Points for each curve in the next round: the lanes of all curves, of half of them, of a quarter, and so on.

    A sweep whose number of lanes is new compiles anew. So as curves end, the lanes of a round are only ever halved, and
    what is left over goes to the curves that are still running.
    """
    running = np.flatnonzero(state.running & (used + points * trials <= most))
    result = np.zeros(len(used), np.intp)
    if len(running) == 0:
        return result
    size = len(used)
    while -(-size // 2) >= len(running) and size > 1:
        size = -(-size // 2)
    lanes = size * points
    result[running] = lanes // len(running)
    result[running[: lanes % len(running)]] += 1
    # A curve's own budget comes before equal shapes.
    return np.minimum(result, np.maximum((most - used) // trials, 0))


def _guess(start: Guess | None, point: dict[str, Any]) -> float:
    if start is None:
        return math.nan
    if isinstance(start, numbers.Real):
        guess = start
    elif callable(start):
        guess = start(**point)
    elif isinstance(start, Mapping):
        key = tuple(point.values())
        guess = start.get(key[0] if len(key) == 1 else key)
    else:
        guess = start
    if not (guess is None or isinstance(guess, numbers.Real)):
        allowed = "a number, None, or a function or a mapping that gives one is allowed"
        raise ValueError(f"trace_boundary: `start` is {start!r}, which says {guess!r}; {allowed}.")
    return math.nan if guess is None else float(guess)


def _along(along: Mapping[str, Iterable[Any]]) -> tuple[str, list]:
    if not isinstance(along, Mapping):
        raise ValueError(f"trace_boundary: `along` is {along!r}; a dictionary from one name to values is allowed.")
    if len(along) != 1:
        raise ValueError(f"trace_boundary: `along` has the axes {list(along)}; exactly one is allowed.")
    ((name, given),) = along.items()
    values = axis_values(name, given, "trace_boundary")
    number = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if not number or not all(map(math.isfinite, values)) or len(values) < 2:
        raise ValueError(f"trace_boundary: `along` has the values {values}; two finite numbers or more are allowed.")
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(value, float) for value in values):
        low, high = sorted(values)
        return name, np.linspace(low, high, _DIVISIONS + 1).tolist()
    return name, sorted(values)


def _check(width, below, level, confidence, direction, trials, points, max_instances, max_per_curve, max_steps) -> None:
    def refuse(name, value, allowed):
        raise ValueError(f"trace_boundary: `{name}` is {value!r}; {allowed} is allowed.")

    for name, value in {"width": width, "below": below}.items():
        if not (isinstance(value, numbers.Real) and math.isfinite(value) and value > 0):
            refuse(name, value, "a positive number")
    for name, value in {"level": level, "confidence": confidence}.items():
        if not (isinstance(value, numbers.Real) and 0 < value < 1):
            refuse(name, value, "a probability strictly between 0 and 1")
    if not (direction is None or isinstance(direction, str)) or direction not in (None, "increasing", "decreasing"):
        refuse("direction", direction, '"increasing", "decreasing" or None')
    for name, value, least in (("trials", trials, 2), ("points", points, 4), ("max_steps", max_steps, 1)):
        if not isinstance(value, (int, np.integer)) or value < least:
            refuse(name, value, f"an integer from {least} on")
    for name, value in {"max_instances": max_instances, "max_per_curve": max_per_curve}.items():
        least = trials * points if name == "max_per_curve" else 1
        unlimited = value is None and name == "max_instances"
        if not unlimited and (not isinstance(value, (int, np.integer)) or value < least):
            refuse(name, value, f"an integer from {least} on")


def _trace(family: _Family, state: State, used: NDArray, tables: list) -> BoundaryTrace:
    import pandas as pd

    estimate = state.estimate
    ended = np.asarray(["budget", *ENDINGS[1:]], dtype=object)
    tried = counts(state)[0]
    columns = {name: [curve.point[number] for curve in family.curves] for number, name in enumerate(family.over)}
    curves = pd.DataFrame(
        {
            **columns,
            "solver": [curve.label for curve in family.curves],
            "boundary": estimate.boundary,
            "low": estimate.low,
            "high": estimate.high,
            "width": estimate.width,
            "status": np.asarray(STATUSES, dtype=object)[estimate.status],
            "ended": ended[estimate.ending],
            "instances": used,
            "trials": (state.cells >= 0).any(2).sum(1),
            "points": (tried > 0).sum(1),
            "grid_instances": np.ceil(grid_instances(state)).astype(int),
        }
    )
    return BoundaryTrace(curves, pd.concat(tables, ignore_index=True), state.rounds)
