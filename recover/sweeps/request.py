"""What a sweep is asked for, and the blocks that this takes."""

import collections
import dataclasses
import hashlib
import json
import logging
import os
from collections.abc import Hashable, Iterable
from typing import Any

import jax.tree_util as jtu
import numpy as np

from . import processes
from .block import Deal
from .closure import source_digest
from .columns import check_scores
from .layout import Layout, Machine, Share, Sizes, effort, instance_sizes, make_layout, row_limit, rung
from .measure import Measure, Measurement
from .plan import Block, Grid, Lane, group_scores, group_sizes, make_blocks, make_groups, padded, signature
from .precision import PRODUCTS, Precision, in_precision
from .program import ProgramSettings
from .store import Store

# A grid is laid out as if it had at least so many trials.
_TRIALS = 16
# What a row takes at least while a table is put together.
_ROW_BYTES = 64


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of a sweep besides its grid; made, and checked, by `of`."""

    trials: range
    seed: int
    max_steps: int
    share: Share
    precision: Precision
    store: str | os.PathLike | None = None
    record_every: int | None = None
    memory: int | None = None
    measure: Measurement | None = None

    @staticmethod
    def of(
        trials: int | range,
        seed: int,
        max_steps: int,
        share: str,
        precision: str,
        store: str | os.PathLike | None,
        record_every: int | None,
        memory: int | None,
        measure: Measure | None,
    ) -> "Request":
        """Checks everything that does not depend on the grid.

        **Raises:** `ValueError` for a number or a word that is not allowed; it says what is.
        """
        trials = trials if isinstance(trials, range) else _first(trials)
        for name, value in {"max_steps": max_steps, "record_every": record_every}.items():
            optional = name == "record_every" and value is None
            if not optional and (not _is_integer(value) or not 1 <= value < 2**31):
                raise ValueError(f"sweep: `{name}` is {value!r}; a positive integer below 2^31 is allowed.")
        if len(trials) == 0 or trials[0] < 0 or trials.step < 1 or trials[-1] >= 2**31:
            raise ValueError(
                f"sweep: `trials` is {trials!r}; an ascending, non-empty range from 0 on, below 2^31, is allowed."
            )
        if not _is_integer(seed) or seed < 0:
            raise ValueError(f"sweep: `seed` is {seed!r}; a non-negative integer is allowed.")
        if not isinstance(share, str) or share not in ("trial", "none"):
            raise ValueError(f'sweep: `share` is {share!r}; "trial" or "none" is allowed.')
        if not isinstance(precision, str) or precision not in PRODUCTS:
            allowed = ", ".join(f'"{name}"' for name in PRODUCTS)
            raise ValueError(f"sweep: `precision` is {precision!r}; one of {allowed} is allowed.")
        if memory is not None and (not _is_integer(memory) or memory < 1):
            raise ValueError(f"sweep: `memory` is {memory!r}; a positive integer, of bytes, is allowed.")
        if store is not None and not isinstance(store, (str, os.PathLike)):
            raise ValueError(f"sweep: `store` is {store!r}; the path of a folder is allowed.")
        measurement = None if measure is None else Measurement(measure)
        if measurement is not None and store is not None and measurement.digest is None:
            raise ValueError(
                f"sweep: `measure` is {measure!r}, whose rows a store could not tell from those of another one; a function "
                "of a module is allowed, or such a one applied to values by `functools.partial` or `eqx.Partial`."
            )
        return Request(trials, int(seed), int(max_steps), share, precision, store, record_every, memory, measurement)

    def check_columns(self, lanes: Iterable[Lane], axes: Iterable[str]) -> None:
        """Refuses a measurement whose names are taken in the table of some lanes with these axes."""
        if self.measure is not None:
            with in_precision(self.precision):
                self.measure.check(lanes, axes, self.record_every is not None)

    def settings(self) -> dict:
        """What all rows have in common, as plain data; with the code that computes them, the identity of a store."""
        settings = {
            "seed": self.seed,
            "max_steps": self.max_steps,
            "share": self.share,
            "precision": self.precision,
            "record_every": self.record_every,
        }
        return settings if self.measure is None else {**settings, "measure": self.measure.digest}

    def sources(self, grid: Grid) -> dict[str, str]:
        """The digest of the code that every lane of a grid is computed by, by the name of the lane."""
        measure = () if self.measure is None else (self.measure.function,)
        digests: dict[Any, str] = {}
        found = {}
        for name, lane in grid.lanes.items():
            kind = signature(lane)
            if kind not in digests:
                digests[kind] = source_digest(lane.model, lane.solver, *measure)
            found[name] = digests[kind]
        return found


def identified(settings: dict, sources: Iterable[str]) -> dict:
    """Settings with the code of all lanes, and a name for both: what a table says of its rows."""
    settings = {**settings, "source": _digest(sorted(set(sources)))}
    return {**settings, "config_hash": _digest(settings)}


def _digest(value) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


def _is_integer(value) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _first(trials: int) -> range:
    if not _is_integer(trials) or trials < 1:
        raise ValueError(f"sweep: `trials` is {trials!r}; a positive integer or a range is allowed.")
    return range(int(trials))


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A request and its grid, cut into blocks."""

    request: Request
    grid: Grid
    settings: dict
    store: Store | None
    blocks: list[Block]
    finished: set[str]
    machine: Machine

    def _sizes(self, block: Block) -> Sizes:
        lane = self.grid.lanes[block.lanes[0]]
        return instance_sizes(padded(lane.model, block.model_capacities), padded(lane.solver, block.solver_capacities))

    def layout(self, block: Block) -> Layout:
        """How the instances of a block share the machine."""
        request, recorded = self.request, self.request.record_every is not None
        sizes = self._sizes(block)
        return make_layout(
            sizes, self.machine, request.share, block.shape, block.instances, request.max_steps, recorded
        )

    def program(self, block: Block) -> ProgramSettings:
        """What is static in the program of a block."""
        request, layout = self.request, self.layout(block)
        return ProgramSettings(
            share=request.share,
            slots=layout.slots,
            width=layout.width,
            batch=layout.batch,
            record_every=request.record_every,
            max_steps=None if request.record_every is None else request.max_steps,
            measure=request.measure,
            effort=effort(self._sizes(block), request.share, block.instances, request.max_steps),
            products=PRODUCTS[request.precision],
        )

    def identity(self, block: Block) -> Hashable:
        """Equal for blocks that one compiled program computes."""
        lane = self.grid.lanes[block.lanes[0]]
        pair = padded(lane.model, block.model_capacities), padded(lane.solver, block.solver_capacities)
        leaves, structure = jtu.tree_flatten(pair)
        shapes = tuple((np.shape(leaf), str(leaf.dtype)) for leaf in leaves)
        recorded = self.request.record_every is not None
        deal = Deal.of(len(block.trials), len(block.lanes), self.machine.devices, recorded)
        return structure, shapes, deal.by_trials, deal.padded, self.program(block), self.request.precision


def prepare(request: Request, grid: Grid, record: bool = True) -> Prepared:
    """Plans the blocks of a sweep; `record` writes the plan to the request's store, if it has one."""
    with in_precision(request.precision):
        _check_rows(grid, request.trials)
        sources = request.sources(grid)
        settings = identified(request.settings(), sources.values())
        store = None if request.store is None else Store(request.store, request.settings(), sources, repair=record)
        for folder in store.others() if store and record else ():
            logging.getLogger("recover").info("%s holds rows by other code; they are kept, and not used.", folder)
        machine = Machine.here(request.memory)
        kept, missing, finished = _planned(store, grid, request.trials)
        fresh = []
        # Buckets of sizes are programs of their own, but one sweep: whether to queue is decided for all of them together.
        # More trials of a grid, up to a point, shall be more of the same.
        alike = collections.Counter(signature(lane) for lane in grid.lanes.values())
        trials, steps = rung(len(request.trials), _TRIALS), request.max_steps
        for group in make_groups(grid.lanes.values(), trials * steps):
            check_scores(group_scores(group), grid.axes)
            instances = alike[signature(group[0])] * trials
            fresh += make_blocks(group, missing, row_limit(group_sizes(group), steps), instances)
        if store and record:
            # Processes see one machine each, and may be of different opinions; the plan of the first one counts.
            processes.meet("planned")
            if processes.leading():
                store.plan(fresh)
                store.describe(grid, request.trials)
            processes.meet("recorded")
            if not processes.leading():
                (kept, _, finished), fresh = _planned(store, grid, request.trials), []
    return Prepared(request, grid, settings, store, kept + fresh, finished, machine)


def _check_rows(grid: Grid, trials: range) -> None:
    """Refuses a table that no memory here holds, before the memory is gone."""
    rows = len(grid.entries) * len(trials)
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if rows * _ROW_BYTES > available:
        raise ValueError(
            f"sweep: {len(grid.entries):,} pairs of a cell and a solver x {len(trials):,} `trials` are {rows:,} rows, whose "
            f"table does not fit into the {available / 2**30:.0f} GiB of memory here; fewer at a time are allowed, such as "
            "`trials=range(1000)` and then `range(1000, 2000)`."
        )


def _planned(store: Store | None, grid: Grid, trials: range) -> tuple[list[Block], dict[str, list[int]], set[str]]:
    """Blocks of earlier plans that still serve, the trials of each lane that they leave out, and which of them are whole."""
    missing = {name: dict.fromkeys(trials) for name in grid.lanes}
    kept, finished = [], set()
    for block in store.planned() if store else ():
        wanted = [(name, trial) for name in block.lanes for trial in block.trials if trial in missing.get(name, ())]
        if not wanted:
            continue
        if store and store.whole(block):
            finished.add(block.name)
        elif not all(name in grid.lanes for name in block.lanes):
            # Its other lanes are no longer asked for, so its models are unknown: plan the rest anew.
            continue
        kept.append(block)
        for name, trial in wanted:
            del missing[name][trial]
    return kept, {name: list(trials) for name, trials in missing.items()}, finished
