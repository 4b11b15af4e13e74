"""From cells to lanes, from lanes to groups that share a program, from groups to blocks of bounded size."""

import contextlib
import dataclasses
import functools
import gc
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..core.fields import require_leaves
from ..core.model import AbstractModel, in_default_precision
from ..core.sizes import capacities_of, program_key, with_capacities
from ..core.solver import AbstractSolver, require_problem
from . import layout
from .columns import Scores, check_cell, checked_axes, is_missing
from .content import content_digest, identity_digest
from .layout import Sizes
from .loaded_code import Codes

Cell = Callable[..., Any]

# Padding a size up to the largest of its group wastes arithmetic. Beyond this share of waste, and from this many wasted
# bytes on (fewer do not pay for another compilation), sizes are split into geometric buckets.
_WASTE = 1 / 3
_BUCKET_RATIO = 0.6
_BUCKET_WORK = 1.5e12
_MOST_BUCKETS = 4
# Collections of younger garbage before one of all of it, while a grid is made.
_SELDOM = 1_000_000


@dataclasses.dataclass(frozen=True)
class Lane:
    """One (model, solver) pair, named by its content."""

    model: AbstractModel
    solver: AbstractSolver
    model_digest: bytes
    name: str

    @functools.cached_property
    def signature(self) -> Hashable:
        """What lanes must have in common to share a program."""
        return program_key(self.model), program_key(self.solver)

    @functools.cached_property
    def capacities(self) -> tuple[dict[str, int], dict[str, int]]:
        """Sizes of the model, and of the solver."""
        return capacities_of(self.model), capacities_of(self.solver)

    @staticmethod
    def of(model: AbstractModel, solver: AbstractSolver, codes: Codes | None = None) -> "Lane":
        """The lane of a pair. Its name tells code apart; its random stream does not."""
        digest = content_digest(model)
        identity = identity_digest((model, solver), Codes() if codes is None else codes)
        return Lane(model, solver, digest, digest.hex()[:16] + identity.hex()[:16])


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row of the grid: coordinates and solver label, and the lane that computes it."""

    coordinates: tuple
    label: Hashable
    lane: str


@dataclasses.dataclass(frozen=True)
class Grid:
    """The cells of a sweep: axis names, entries in grid order, and the distinct lanes behind them.

    `told` is how a store tells them, where its axes are others.
    """

    axes: dict[str, list]
    entries: list[Entry]
    lanes: dict[str, Lane]
    told: "Grid | None" = None

    def within(self, axes: dict[str, list], labels: list | None) -> "Grid":
        """The part of the grid with these values of the axes, and these solvers if any are given."""
        entries = [
            entry
            for entry in self.entries
            if (labels is None or entry.label in labels)
            and all(value in axes[name] for name, value in zip(self.axes, entry.coordinates, strict=True))
        ]
        return Grid(axes, entries, {entry.lane: self.lanes[entry.lane] for entry in entries})


@dataclasses.dataclass(frozen=True)
class Block:
    """A rectangle of lanes and trials that one call of one program computes; `name` is derived from all the rest.

    `shape` is that of the largest block that is laid out like it; `instances` is how many like it the whole sweep amounts to,
    which decides how much its layout is worth.
    """

    lanes: tuple[str, ...]
    trials: tuple[int, ...]
    model_capacities: tuple[tuple[str, int], ...]
    solver_capacities: tuple[tuple[str, int], ...]
    shape: tuple[int, int]
    instances: int

    @property
    def name(self) -> str:
        """Content-derived name, also the file name of its rows."""
        content = json.dumps(self.as_json(), sort_keys=True).encode()
        return hashlib.blake2b(content, digest_size=12).hexdigest()

    @property
    def rows(self) -> int:
        """Number of rows, padding not counted."""
        return len(self.lanes) * len(self.trials)

    def as_json(self) -> dict:
        """Plain data, for the store."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: dict) -> "Block":
        """Inverse of `as_json` after a round trip through JSON."""
        return Block(
            lanes=tuple(data["lanes"]),
            trials=tuple(data["trials"]),
            model_capacities=tuple((name, size) for name, size in data["model_capacities"]),
            solver_capacities=tuple((name, size) for name, size in data["solver_capacities"]),
            shape=tuple(data["shape"]),
            instances=data["instances"],
        )


def make_grid(
    cell: Cell, axes: Mapping[str, Iterable], count: Callable[[int, int], None] = lambda done, total: None
) -> Grid:
    """Calls `cell` at every point of the product of `axes`; `count` is told of (cells made, cells in all).

    **Raises:** `ValueError` for axes that are not allowed; `TypeError` if `cell` does not take them, or returns something other
    than `(model, solver)`, `(model, {label: solver})` or `None` (which leaves the point out).
    """
    axes = checked_axes(axes)
    check_cell(cell, axes)
    entries, lanes, codes = [], {}, Codes()
    total = math.prod(map(len, axes.values()))
    with _young_garbage_alone():
        for number, coordinates in enumerate(itertools.product(*axes.values())):
            count(number, total)
            point = dict(zip(axes, coordinates, strict=True))
            try:
                made = cell(**point)
            except Exception as error:
                error.add_note(f"sweep: `cell` was called with {point}.")
                raise
            if made is None:
                continue
            for label, model, solver in pairs(made, point):
                lane = Lane.of(model, solver, codes)
                entries.append(Entry(coordinates, label, lane.name))
                lanes.setdefault(lane.name, lane)
    if not entries:
        raise ValueError("sweep: `cell` returned None at every grid point, so there is nothing to compute.")
    check_lanes("sweep", lanes.values(), codes)
    return Grid(axes, entries, lanes)


@contextlib.contextmanager
def _young_garbage_alone() -> Iterator[None]:
    """Where the collector does not walk through all that lives, again and again, while ever more lives."""
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], _SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def check_lanes(owner: str, lanes: Iterable[Lane], codes: Codes) -> None:
    """Checks that programs can hold some lanes, and that `codes`, which named them, has not changed since.

    **Raises:** `ValueError` for code, or a value that code looks up, which a cell has changed; `TypeError` for a field that holds
    no numbers and is not static.
    """
    changed = next(codes.changed(), None)
    if changed is not None:
        raise ValueError(
            f"{owner}: the code of {changed.__qualname__}, or a value that it uses, changed while `cell` was called; what "
            "differs from cell to cell is allowed in fields of models and solvers, and in closures."
        )
    for lane in {lane.signature: lane for lane in lanes}.values():
        require_leaves(owner, lane.model, arrays=True)
        require_leaves(owner, lane.solver, arrays=True)


def pairs(made, point: Mapping[str, Any]) -> Iterator[tuple[Hashable, AbstractModel, AbstractSolver]]:
    """What a cell returned at a point as triples (label, model, solver).

    **Raises:** `TypeError` for anything but `(model, solver)` or `(model, {label: solver})`.
    """
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], AbstractModel)):
        raise TypeError(
            f"sweep: `cell` returned {made!r} at {point}; (model, solver) or (model, dict of solvers) is allowed."
        )
    model, solvers = made
    if isinstance(solvers, AbstractSolver):
        solvers = {type(solvers).__name__: solvers}
    if (
        not isinstance(solvers, Mapping)
        or not solvers
        or not all(isinstance(s, AbstractSolver) for s in solvers.values())
    ):
        raise TypeError(
            f"sweep: the second output of `cell` is {solvers!r} at {point}; a solver or a dict of solvers is allowed."
        )
    for label, solver in solvers.items():
        if is_missing(label):
            raise ValueError(
                f"sweep: a solver is labelled {label!r} at {point}; a name, or another value but NaN, is allowed."
            )
        yield label, model, solver


def signature(lane: Lane):
    """What lanes must have in common to share a program: static structure, and shapes of the leaves."""
    return lane.signature


def make_groups(lanes: Iterable[Lane], passes: int) -> list[list[Lane]]:
    """Lanes that share static structure, split into size buckets where padding would waste too much in `passes` steps each."""
    groups: dict[Any, list[Lane]] = {}
    for lane in lanes:
        groups.setdefault(signature(lane), []).append(lane)
    return [bucket for group in groups.values() for bucket in _buckets(group, passes)]


def _padded_size(lane: Lane) -> int:
    return math.prod(lane.capacities[0].values())


def _buckets(group: list[Lane], passes: int) -> list[list[Lane]]:
    sizes = np.asarray([_padded_size(lane) for lane in group])
    waste = 1 - sizes.mean() / sizes.max()
    if waste <= _WASTE or waste * layout.work(group_sizes(group), len(group), passes) < _BUCKET_WORK:
        return [group]
    buckets, upper = [], sizes.max()
    for number in range(_MOST_BUCKETS):
        lower = 0 if number == _MOST_BUCKETS - 1 else _BUCKET_RATIO * upper
        members = [lane for lane, size in zip(group, sizes, strict=True) if lower < size <= upper]
        if members:
            buckets.append(members)
        upper = lower
    return buckets


def _largest(capacities: Sequence[dict[str, int]]) -> tuple[tuple[str, int], ...]:
    names = sorted({name for capacity in capacities for name in capacity})
    return tuple((name, max(capacity[name] for capacity in capacities if name in capacity)) for name in names)


def largest_capacities(lanes: Sequence[Lane]):
    """What the models, and the solvers, of some lanes must be padded to if they are to share a program."""
    return tuple(_largest([lane.capacities[side] for lane in lanes]) for side in range(2))


def make_blocks(
    group: Sequence[Lane], missing: Mapping[str, Sequence[int]], row_limit: int, instances: int
) -> list[Block]:
    """Cuts the missing (lane, trial) pairs of a group into rectangles of at most `row_limit` rows.

    Blocks of a group are laid out alike, as the largest of them. `instances` is what they keep in mind of the size of the
    sweep.
    """
    model_capacities, solver_capacities = largest_capacities(group)
    rectangles: dict[tuple[int, ...], list[str]] = {}
    for lane in group:
        trials = tuple(missing.get(lane.name, ()))
        if trials:
            rectangles.setdefault(trials, []).append(lane.name)
    blocks = []
    for trials, names in rectangles.items():
        lane_chunks = _chunks(names, row_limit)
        trial_chunks = _chunks(trials, max(1, row_limit // len(lane_chunks[0])))
        shape = (len(trial_chunks[0]), len(lane_chunks[0]))
        for trial_chunk, lane_chunk in itertools.product(trial_chunks, lane_chunks):
            cut = tuple(lane_chunk), tuple(trial_chunk)
            blocks.append(Block(*cut, model_capacities, solver_capacities, shape, instances))
    return blocks


def _chunks(items: Sequence, limit: int) -> list[Sequence]:
    """Splits into as few chunks as `limit` allows, of sizes that differ by at most one, the largest first."""
    count = -(-len(items) // limit)
    return [[items[i] for i in part] for part in np.array_split(np.arange(len(items)), count)]


def group_sizes(group: Sequence[Lane]) -> Sizes:
    """Bytes of an instance of a group, padded as the group's blocks are."""
    return layout.instance_sizes(*_padded_pair(group))


def group_scores(group: Sequence[Lane]) -> Scores:
    """What is reported of an instance of a group."""
    with explained(group[0]):
        return layout.instance_scores(*_padded_pair(group))


@contextlib.contextmanager
def explained(lane: Lane) -> Iterator[None]:
    """Where what fails in here, because a model's problems are not of the kind that the solver takes, is said to be that.

    **Raises:** `TypeError` with the kinds of the problem and of the solver.
    """
    try:
        yield
    except (AttributeError, TypeError, ValueError):
        model = in_default_precision(lane.model)
        key = jax.eval_shape(lambda: jax.random.key(0))
        problem, _ = eqx.filter_eval_shape(lambda key: model.observe(key, model.design(key)), key)
        require_problem(f"sweep: the problem of {type(model).__name__}", problem, lane.solver)
        raise


def _padded_pair(group: Sequence[Lane]):
    model_capacities, solver_capacities = largest_capacities(group)
    return padded(group[0].model, model_capacities), padded(group[0].solver, solver_capacities)


def padded(module, capacities):
    """A module with the given capacities; modules without traced sizes are returned as they are."""
    return with_capacities(module, dict(capacities))
