"""Running a sweep: plan, execute block by block, collect the table."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ..core.model import in_default_precision
from ..core.results import result_names
from . import processes
from .content import Hashed, design_digest, digest_words, source_digest
from .layout import Layout, Machine, Share, lane_limit, make_layout, row_limit
from .plan import Block, Grid, group_sizes, lane_sizes, make_blocks, make_grid, make_groups, padded, signature
from .program import ProgramSettings, compiled_block_rows, shardings, stack
from .progress import reporter
from .provenance import commit, machine, versions
from .store import Store
from .table import Table

Precision = Literal["float32", "float64"]

# Rows per block: the grain of progress, of the store, and of what an interruption can lose.
_ROWS = 8192


@dataclasses.dataclass(frozen=True)
class BlockTask:
    """All that a worker needs to compute a block; picklable."""

    models: Any
    solvers: Any
    words: np.ndarray
    design_words: np.ndarray
    trials: np.ndarray
    seed: int
    max_steps: int
    settings: ProgramSettings
    precision: Precision


@dataclasses.dataclass(frozen=True)
class GroupSummary:
    """What a dry run tells about lanes that share a program."""

    model: str
    solver: str
    lanes: int
    blocks: int
    rows: int
    shape: tuple[int, int]
    capacities: dict[str, int]
    layout: Layout
    flops_per_step: float


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """What a sweep would compute: `print` it, or read its fields.

    - `cells`: grid points; `rows`: (cell, solver, trial) rows in the table; `missing`: instances still to be solved.
    - `groups`: one entry per compiled program.
    - `memory`: estimated peak bytes of the largest block; `flops`: upper bound, with every step of the budget used.
    """

    cells: int
    rows: int
    missing: int
    groups: tuple[GroupSummary, ...]
    memory: int
    flops: float

    def seconds(self, flops_per_second: float) -> float:
        """Upper bound on the run time at a given arithmetic speed, compilation apart."""
        return self.flops / flops_per_second

    def __str__(self) -> str:
        lines = [
            f"{self.cells} cells, {self.rows} rows, {self.missing} instances to solve, {len(self.groups)} compiled programs",
            f"memory at most {self.memory / 2**20:.0f} MiB, arithmetic at most {self.flops / 1e12:.2f} Tflop",
        ]
        for group in self.groups:
            sizes = ", ".join(f"{name} {size}" for name, size in group.capacities.items())
            lines.append(
                f"  {group.model} + {group.solver}: {group.lanes} lanes, {group.rows} instances in {group.blocks} blocks "
                f"of {group.shape[0]} trials x {group.shape[1]} lanes, {group.layout}, padded to {sizes or 'nothing'}"
            )
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class _Prepared:
    grid: Grid
    trials: range
    seed: int
    max_steps: int
    share: Share
    precision: Precision
    record_every: int | None
    store: Store | None
    blocks: list[Block]
    settings: dict
    machine: Machine


def sweep(
    cell: Callable[..., Any],
    axes: Mapping[str, Iterable],
    *,
    trials: int | range,
    seed: int = 0,
    max_steps: int = 1000,
    share: str = "trial",
    store: str | os.PathLike | None = None,
    executor: concurrent.futures.Executor | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    record_every: int | None = None,
    memory: int | None = None,
    precision: str = "float32",
) -> Table:
    """Solves `trials` random instances at every point of a grid, as a few compiled, vectorised programs.

    **Arguments:**

    - `cell`: maps a grid point (the axes as keyword arguments) to `(model, solver)` or `(model, {label: solver})`, or to
      `None` to leave the point out. Called once per point, in Python; it should only build modules.
    - `axes`: name to values. Every field of a model or solver that is an array leaf can vary without compiling again.
    - `trials`, `seed`: trials 0 ... `trials - 1`, or a range of them; trial `t` of a model sees the same instance in
      every sweep with the same seed.
    - `max_steps`: step budget of each solve.
    - `share`: `"trial"` lets all cells of a trial share one design draw, which turns their products into one matrix
      product; each cell stays unbiased, but cells of a trial are correlated, so intervals resample whole trials.
      `"none"` draws a design for every instance.
    - `store`: folder that rows are written to as they are made. A sweep that is run again, after an interruption or with
      more trials or axis values, computes only what is missing. Processes joined by `jax.distributed.initialize` that
      make the same call share the work, and each returns the whole table; they need a store that all of them see.
    - `executor`: any `concurrent.futures.Executor` to compute blocks with; this process and its devices by default.
    - `progress`: `True` for a bar with rate and time left, `False` for none, a function of (rows done, rows in all), or
      `None` for a bar if the error stream is a terminal.
    - `record_every`: keeps the error at step 0 and after every so many steps, as the column `history`.
    - `memory`: bytes a block may take (a quarter of the machine's memory, or half of the device's, by default).
    - `precision`: `"float32"` or `"float64"`. Instances are the same in both.

    **Returns:** a `Table` with one row per (cell, solver, trial). Failures are rows too: read `result`.

    **Raises:** `ValueError` for empty axes, non-positive counts, a design that cannot be shared, or several processes
    without a store.
    """
    if not processes.alone() and (store is None or executor is not None):
        raise ValueError(
            f"sweep: {jax.process_count()} processes share this sweep, so they need `store=` (a folder that all of them "
            "see) to put their rows together, and no `executor=`."
        )
    prepared = _prepare(cell, axes, trials, seed, max_steps, share, store, record_every, memory, precision)
    finished = prepared.store.finished() if prepared.store else set()
    waiting = processes.dealt([block for block in prepared.blocks if block.name not in finished])
    # No process may finish a block before all have seen which ones are missing.
    processes.meet("dealt")
    report = reporter(progress if processes.leading() else False, sum(block.rows for block in prepared.blocks))
    collected: dict[str, tuple[dict, dict]] = {}
    with report:
        report.advance(sum(block.rows for block in prepared.blocks if block.name in finished))
        for block, (rows, provenance) in _computed(prepared, waiting, executor):
            provenance = {**provenance, "block": block.name, "config_hash": prepared.settings["config_hash"]}
            if prepared.store:
                prepared.store.write(block, rows, provenance)
            else:
                collected[block.name] = (_flat(block, rows), provenance)
            report.advance(block.rows)
    processes.meet("computed")
    return _table(prepared, collected)


def plan_sweep(
    cell: Callable[..., Any],
    axes: Mapping[str, Iterable],
    *,
    trials: int | range,
    seed: int = 0,
    max_steps: int = 1000,
    share: str = "trial",
    store: str | os.PathLike | None = None,
    record_every: int | None = None,
    memory: int | None = None,
    precision: str = "float32",
) -> SweepPlan:
    """What `sweep` with the same arguments would do: cells, programs, memory, arithmetic. Computes and stores nothing."""
    prepared = _prepare(
        cell, axes, trials, seed, max_steps, share, store, record_every, memory, precision, record=False
    )
    finished = prepared.store.finished() if prepared.store else set()
    programs: dict[Any, list[Block]] = {}
    for block in prepared.blocks:
        if block.name not in finished:
            lane = prepared.grid.lanes[block.lanes[0]]
            key = (type(lane.model), type(lane.solver), block.model_capacities, block.solver_capacities, block.shape)
            structure = jtu.tree_structure((padded(lane.model, ()), padded(lane.solver, ())))
            programs.setdefault((key, structure), []).append(block)
    groups = tuple(_summary(prepared, blocks) for blocks in programs.values())
    return SweepPlan(
        cells=len({entry.coordinates for entry in prepared.grid.entries}),
        rows=len(prepared.grid.entries) * len(prepared.trials),
        missing=sum(group.rows for group in groups),
        groups=groups,
        memory=max((group.layout.bytes for group in groups), default=0),
        flops=sum(group.rows * group.flops_per_step * max_steps for group in groups),
    )


def _summary(prepared: _Prepared, blocks: list[Block]) -> GroupSummary:
    first = blocks[0]
    lane = prepared.grid.lanes[first.lanes[0]]
    model, solver = padded(lane.model, first.model_capacities), padded(lane.solver, first.solver_capacities)
    return GroupSummary(
        model=type(model).__name__,
        solver=type(solver).__name__,
        lanes=len({name for block in blocks for name in block.lanes}),
        blocks=len(blocks),
        rows=sum(block.rows for block in blocks),
        shape=first.shape,
        capacities=dict(first.model_capacities) | dict(first.solver_capacities),
        layout=_layout(prepared, first),
        flops_per_step=_flops_per_step(model, solver),
    )


def _flops_per_step(model, solver) -> float:
    model, solver = in_default_precision(model), in_default_precision(solver)

    def pieces(key):
        problem, _ = model.observe(key, model.design(key))
        return problem, solver.init(problem, key)

    key = jax.eval_shape(lambda: jax.random.key(0))
    problem, state = eqx.filter_eval_shape(pieces, key)
    analysis = jax.jit(type(solver).step).lower(solver, problem, state).cost_analysis()
    return float((analysis or {}).get("flops", 0.0))


def _prepare(
    cell, axes, trials, seed, max_steps, share, store, record_every, memory, precision, record=True
) -> _Prepared:
    trials = trials if isinstance(trials, range) else _first_trials(trials)
    for name, value in {"max_steps": max_steps, "record_every": record_every}.items():
        if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
            raise ValueError(f"sweep: `{name}` is {value!r}; a positive integer is allowed.")
    if len(trials) == 0 or trials[0] < 0 or trials.step < 1:
        raise ValueError(f"sweep: `trials` is {trials!r}; an ascending, non-empty range from 0 on is allowed.")
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"sweep: `seed` is {seed!r}; a non-negative integer is allowed.")
    if share not in ("trial", "none"):
        raise ValueError(f'sweep: `share` is {share!r}; "trial" or "none" is allowed.')
    if precision not in ("float32", "float64"):
        raise ValueError(f'sweep: `precision` is {precision!r}; "float32" or "float64" is allowed.')
    with _precision(precision):
        grid = make_grid(cell, axes)
        modules = {type(m): m for lane in grid.lanes.values() for m in (lane.model, lane.solver)}
        settings = {
            "seed": int(seed),
            "max_steps": int(max_steps),
            "share": share,
            "precision": precision,
            "record_every": record_every,
            "source": source_digest(*modules.values()),
        }
        encoded = json.dumps(settings, sort_keys=True).encode()
        settings["config_hash"] = hashlib.blake2b(encoded, digest_size=8).hexdigest()
        opened = None if store is None else Store(store, settings)
        here = Machine.here(memory)
        prepared = _Prepared(
            grid, trials, int(seed), int(max_steps), share, precision, record_every, opened, [], settings, here
        )
        kept, missing = _planned(prepared)
        fresh = []
        # Buckets of sizes are programs of their own, but one sweep: whether to queue is decided for all of them together.
        alike = collections.Counter()
        for name, lane in grid.lanes.items():
            alike[signature(lane)] += len(missing[name])
        for group in make_groups(grid.lanes.values(), len(trials) * max_steps):
            sizes, instances = group_sizes(group), alike[signature(group[0])]
            most_lanes = lane_limit(sizes, here, share, instances, max_steps, record_every is not None)
            fresh += make_blocks(group, missing, most_lanes, row_limit(sizes, max_steps), instances)
        if opened and record:
            # Processes see one machine each, and may be of different opinions; the plan of the first one counts.
            processes.meet("planned")
            if processes.leading():
                opened.plan(fresh)
            processes.meet("recorded")
            if not processes.leading():
                kept, fresh = _planned(prepared)[0], []
    return dataclasses.replace(prepared, blocks=kept + fresh)


def _first_trials(count) -> range:
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"sweep: `trials` is {count!r}; a positive integer or a range is allowed.")
    return range(int(count))


def _planned(prepared: _Prepared) -> tuple[list[Block], dict[str, list[int]]]:
    """Blocks of earlier plans that still serve, and the trials of each lane that they leave out."""
    lanes = prepared.grid.lanes
    missing = {name: dict.fromkeys(prepared.trials) for name in lanes}
    kept = []
    if prepared.store:
        finished = prepared.store.finished()
        for block in prepared.store.planned():
            if block.name not in finished and not all(name in lanes for name in block.lanes):
                # Its other lanes are no longer asked for, so its models are unknown: plan the rest anew.
                continue
            wanted = [(name, trial) for name in block.lanes for trial in block.trials if trial in missing.get(name, ())]
            if wanted:
                kept.append(block)
            for name, trial in wanted:
                del missing[name][trial]
    return kept, {name: list(trials) for name, trials in missing.items()}


@contextlib.contextmanager
def _precision(precision: Precision) -> Iterator[None]:
    with jax.enable_x64(precision == "float64"):
        yield


def _layout(prepared: _Prepared, block: Block) -> Layout:
    sizes = lane_sizes(prepared.grid.lanes[block.lanes[0]], block.model_capacities, block.solver_capacities)
    recorded = prepared.record_every is not None
    return make_layout(
        sizes, prepared.machine, prepared.share, block.shape, block.instances, prepared.max_steps, recorded
    )


def _settings(prepared: _Prepared, block: Block) -> ProgramSettings:
    layout = _layout(prepared, block)
    steps = None if prepared.record_every is None else prepared.max_steps
    return ProgramSettings(prepared.share, layout.slots, layout.batch, prepared.record_every, steps)


def _task(prepared: _Prepared, block: Block) -> BlockTask:
    lanes = [prepared.grid.lanes[name] for name in block.lanes]
    # Surplus lanes and trials repeat earlier ones; their rows are dropped.
    lanes += lanes[:1] * (block.shape[1] - len(lanes))
    trials = list(block.trials) + [block.trials[0]] * (block.shape[0] - len(block.trials))
    return BlockTask(
        models=stack([padded(lane.model, block.model_capacities) for lane in lanes]),
        solvers=stack([padded(lane.solver, block.solver_capacities) for lane in lanes]),
        words=np.stack([digest_words(lane.model_digest) for lane in lanes]),
        design_words=digest_words(design_digest(lanes[0].model)),
        trials=np.asarray(trials, np.int32),
        seed=prepared.seed,
        max_steps=prepared.max_steps,
        settings=_settings(prepared, block),
        precision=prepared.precision,
    )


def run_block(task: BlockTask) -> tuple[dict[str, np.ndarray], dict]:
    """Computes a block on this process's devices: rows of shape (trials, lanes, ...), padding included, and provenance."""
    with _precision(task.precision):
        started = time.time()
        root = jax.random.key(task.seed)
        arguments = (task.models, task.solvers, task.words, task.design_words, task.trials, root)
        devices = jax.local_devices()
        arguments, positions = _spread(arguments, task.settings, devices)
        clock = time.perf_counter()
        program = _compiled(arguments, task.settings, tuple(devices))
        compiled = time.perf_counter()
        rows = jax.device_get(
            program(*arguments, jnp.asarray(task.max_steps, jnp.int32), task.settings, tuple(devices))
        )
        rows = {name: np.asarray(value)[:, positions] for name, value in rows.items()}
        provenance = {
            "started": started,
            "compile_seconds": compiled - clock,
            "run_seconds": time.perf_counter() - compiled,
            "dtype": task.precision,
            "commit": commit(),
            **machine(),
            "versions": versions(),
            "settings": dataclasses.asdict(task.settings),
        }
    return rows, provenance


def _compiled(arguments, settings: ProgramSettings, devices: tuple):
    """The compiled program for arguments of this structure and shape on these devices; a memo like that of `jax.jit`."""
    leaves, structure = jtu.tree_flatten(arguments)
    shapes = tuple((np.shape(leaf), str(jnp.result_type(leaf))) for leaf in leaves)
    return _compile(Hashed((structure, shapes, settings, devices, jax.config.jax_enable_x64), arguments))


@functools.lru_cache(maxsize=256)
def _compile(key: Hashed):
    settings, devices = key.identity[2:4]
    arguments, key.value = key.value, None
    return compiled_block_rows.lower(*arguments, jnp.asarray(1, jnp.int32), settings, devices).compile()


def _spread(arguments, settings: ProgramSettings, devices):
    """Deals trials out to devices, or lanes, in turn, since neighbours on a grid are about equally hard.

    Returns the arguments, and the position at which each lane's rows will be found.
    """
    models, solvers, words, design_words, trials, root = arguments
    lanes, count = words.shape[0], len(devices)
    if count == 1:
        return arguments, np.arange(lanes)
    held = shardings(settings, len(trials), devices)[: len(arguments)]
    if held[0].is_fully_replicated:
        return jax.device_put(arguments, held), np.arange(lanes)
    # Surplus lanes repeat earlier ones; nobody reads their rows.
    order = np.resize(np.arange(lanes), -(-lanes // count) * count).reshape(-1, count).T.reshape(-1)
    models, solvers, words = jtu.tree_map(lambda leaf: np.asarray(leaf)[order], (models, solvers, words))
    arguments = jax.device_put((models, solvers, words, design_words, trials, root), held)
    return arguments, np.unique(order, return_index=True)[1]


def _computed(prepared: _Prepared, blocks: list[Block], executor):
    if executor is None:
        for block in blocks:
            yield block, _trimmed(block, run_block(_task(prepared, block)))
        return
    futures = {executor.submit(run_block, _task(prepared, block)): block for block in blocks}
    failures = collections.deque()
    for future in concurrent.futures.as_completed(futures):
        error = future.exception()
        if error is None:
            yield futures[future], _trimmed(futures[future], future.result())
        else:
            failures.append(error)
    if failures:
        # What succeeded has been kept; only now does the first failure surface.
        raise failures[0]


def _trimmed(block: Block, outcome):
    rows, provenance = outcome
    return {name: value[: len(block.trials), : len(block.lanes)] for name, value in rows.items()}, provenance


def _flat(block: Block, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    flat = {name: value.reshape(block.rows, *value.shape[2:]) for name, value in rows.items()}
    lanes = np.tile(np.asarray(block.lanes), len(block.trials))
    return {"lane": lanes, "trial": np.repeat(np.asarray(block.trials, np.int32), len(block.lanes)), **flat}


def _table(prepared: _Prepared, collected) -> Table:
    parts, records = [], []
    for number, block in enumerate(prepared.blocks):
        rows, provenance = prepared.store.read(block.name) if prepared.store else collected[block.name]
        rows["result"] = result_names(rows["result"])
        parts.append({**rows, "block": np.full(block.rows, number, np.int32)})
        records.append(provenance)
    return Table.assemble(prepared.grid, prepared.trials, parts, records, prepared.settings)
