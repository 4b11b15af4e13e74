"""Running a sweep: plan, execute block by block, collect the table."""

import concurrent.futures
import dataclasses
import errno
import logging
import math
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..core.model import in_default_precision
from ..core.results import result_names
from ..core.solver import working_solver
from . import processes
from .block import run_block
from .execute import check_executor, check_importable, compute
from .layout import Layout
from .measure import Measure
from .plan import Block, Grid, make_grid, padded
from .precision import in_precision
from .progress import planning, reporter
from .request import Prepared, Request, prepare
from .table import Table


@dataclasses.dataclass(frozen=True)
class GroupSummary:
    """What a dry run tells about lanes that share a program; `program` is equal for groups of all sweeps that share one."""

    model: str
    solver: str
    lanes: int
    blocks: int
    rows: int
    shape: tuple[int, int]
    capacities: dict[str, int]
    layout: Layout
    flops_per_step: float
    program: Hashable = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """What a sweep would compute: `print` it, or read its fields.

    - `cells`: grid points; `rows`: (cell, solver, trial) rows in the table; `missing`: instances still to be solved.
    - `groups`: one entry per compiled program.
    - `memory`: estimated peak bytes of the largest block; `flops`: upper bound, with every step of the budget used.
    - `others`: folders of the store with rows of the same settings, computed by other code.
    """

    cells: int
    rows: int
    missing: int
    groups: tuple[GroupSummary, ...]
    memory: int
    flops: float
    others: tuple[str, ...] = ()

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
        lines += [f"  {folder} holds rows by other code; they are kept, and not used" for folder in self.others]
        return "\n".join(lines)


def sweep(
    cell: Callable[..., Any],
    axes: Mapping[str, Iterable[Any]],
    *,
    trials: int | range,
    seed: int = 0,
    max_steps: int = 1000,
    share: str = "trial",
    store: str | os.PathLike[str] | None = None,
    executor: concurrent.futures.Executor | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
    record_every: int | None = None,
    memory: int | None = None,
    precision: str = "float32",
    measure: Measure | None = None,
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
      make the same call share the work, and each returns the whole table; they need a store that all of them see. So may
      processes that know nothing of each other, as those of a Slurm array: each leaves out what others have finished.
    - `executor`: any `concurrent.futures.Executor` to compute blocks with; this process and its devices by default. Processes
      must not be forked, which JAX does not survive: `ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))`.
    - `progress`: `True` for bars with rate and time left, `False` for none, a function of (rows done, rows in all), or
      `None` for bars if the error stream is a terminal.
    - `record_every`: keeps the error at step 0 and after every so many steps, as the column `history`.
    - `memory`: bytes a block may take (a quarter of the machine's memory, or half of the device's, by default).
    - `precision`: `"float32"` or `"float64"`; instances are the same in both. `"float32/bf16x3"` multiplies matrices on the
      16-bit units of an accelerator, with a relative error of some 5e-6 instead of 4e-7: for errors and thresholds from 1e-4
      on, of real problems. A CPU computes in float32 all the same.
    - `measure`: a function of (model, truth, problem, solver, state) that returns a dictionary of scalars. Each of its keys
      is a column, taken of the last state; with `record_every` also a column `<key>_history`, taken when the error is. Its
      code and the values that it holds are part of the store's identity.

    **Returns:** a `Table` with one row per (cell, solver, trial). Failures are rows too: read `result`.

    **Raises:** `ValueError` for empty axes, non-positive counts, a design that cannot be shared, several processes without
    a store, names of axes, statistics, metrics or measurements that are taken, what is no scalar, a measurement that a store
    could not identify (a lambda), and an executor that forks; `OSError` where a store has no space left.
    """
    check_executor(executor)
    request = Request.of(trials, seed, max_steps, share, precision, store, record_every, memory, measure)
    with in_precision(request.precision), planning(progress) as count:
        grid = make_grid(cell, axes, count)
    request.check_columns(grid.lanes.values(), grid.axes)
    return computed(request, grid, executor, progress)


def computed(
    request: Request,
    grid: Grid,
    executor: concurrent.futures.Executor | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
) -> Table:
    """The table of a grid of lanes: what `sweep` does once it has called the cells.

    **Raises:** `ValueError` for several processes without a store.
    """
    if not processes.alone() and (request.store is None or executor is not None):
        raise ValueError(
            f"sweep: {jax.process_count()} processes share this sweep, so they need `store=` (a folder that all of them "
            "see) to put their rows together, and no `executor=`."
        )
    check_executor(executor)
    check_importable(executor, grid.lanes.values())
    prepared = prepare(request, grid)
    waiting = processes.dealt([block for block in prepared.blocks if block.name not in prepared.finished])
    # No process may finish a block before all have seen which ones are missing.
    processes.meet("dealt")
    total = sum(block.rows for block in prepared.blocks)
    report = reporter(progress if processes.leading() else False, total)
    collected: dict[str, tuple[dict, dict]] = {}

    def keep(block: Block, rows: dict[str, np.ndarray], provenance: dict) -> None:
        provenance = {**provenance, "block": block.name, "config_hash": prepared.settings["config_hash"]}
        if prepared.store:
            prepared.store.write(block, rows, provenance)
        else:
            collected[block.name] = (_flat(block, rows), provenance)
        report.advance(block.rows)

    def already(block: Block) -> bool:
        found = prepared.store is not None and prepared.store.whole(block)
        if found:
            report.advance(block.rows)
        return found

    with report:
        report.advance(sum(block.rows for block in prepared.blocks if block.name in prepared.finished))
        try:
            compute(prepared, waiting, executor, run_block, keep, already)
            processes.meet("computed")
            if prepared.store:
                # What was damaged between its writing and now is computed once more, by everybody who misses it.
                lost = [block for block in prepared.blocks if not prepared.store.whole(block)]
                compute(prepared, lost, None, run_block, keep, prepared.store.whole)
        except KeyboardInterrupt as interruption:
            said = f"sweep: interrupted; {_kept(prepared, report.done, total)}."
            logging.getLogger("recover").warning(said)
            interruption.add_note(said)
            raise
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            said = f"sweep: no space is left ({error.strerror}); {_kept(prepared, report.done, total)}, once there is"
            raise OSError(error.errno, said, error.filename) from error
    return _table(prepared, collected)


def _kept(prepared: Prepared, done: int, total: int) -> str:
    """What remains of a sweep that did not come to its end, and how to go on."""
    if prepared.store is None:
        return f"{done} of {total} rows were computed, and are lost without `store=`, a folder that keeps them"
    return f"{done} of {total} rows are kept in {prepared.store.path}, and the same call goes on from there"


def plan_sweep(
    cell: Callable[..., Any],
    axes: Mapping[str, Iterable[Any]],
    *,
    trials: int | range,
    seed: int = 0,
    max_steps: int = 1000,
    share: str = "trial",
    store: str | os.PathLike[str] | None = None,
    record_every: int | None = None,
    memory: int | None = None,
    precision: str = "float32",
    measure: Measure | None = None,
) -> SweepPlan:
    """What `sweep` with the same arguments would do: cells, programs, memory, arithmetic. Computes and stores nothing."""
    request = Request.of(trials, seed, max_steps, share, precision, store, record_every, memory, measure)
    with in_precision(request.precision), planning(None) as count:
        grid = make_grid(cell, axes, count)
    request.check_columns(grid.lanes.values(), grid.axes)
    prepared = prepare(request, grid, record=False)
    programs: dict[Any, list[Block]] = {}
    for block in prepared.blocks:
        if block.name not in prepared.finished:
            programs.setdefault(prepared.identity(block), []).append(block)
    groups = tuple(_summary(prepared, blocks, program) for program, blocks in programs.items())
    return SweepPlan(
        cells=len({entry.coordinates for entry in prepared.grid.entries}),
        rows=len(prepared.grid.entries) * len(request.trials),
        missing=sum(group.rows for group in groups),
        groups=groups,
        memory=max((group.layout.bytes for group in groups), default=0),
        flops=math.fsum(group.rows * group.flops_per_step * max_steps for group in groups),
        others=tuple(map(str, prepared.store.others())) if prepared.store else (),
    )


def _summary(prepared: Prepared, blocks: list[Block], program: Hashable) -> GroupSummary:
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
        layout=prepared.layout(first),
        flops_per_step=_flops_per_step(model, solver),
        program=program,
    )


def _flops_per_step(model, solver) -> float:
    model, solver = in_default_precision(model), in_default_precision(solver)

    def pieces(key):
        problem, _ = model.observe(key, model.design(key))
        return problem, working_solver(problem, solver).init(problem, key)

    key = jax.eval_shape(lambda: jax.random.key(0))
    problem, state = eqx.filter_eval_shape(pieces, key)
    solver = working_solver(problem, solver)
    analysis = jax.jit(type(solver).step).lower(solver, problem, state).cost_analysis()
    return float((analysis or {}).get("flops", 0.0))


def _flat(block: Block, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    flat = {name: value.reshape(block.rows, *value.shape[2:]) for name, value in rows.items()}
    lanes = np.tile(np.asarray(block.lanes), len(block.trials))
    return {"lane": lanes, "trial": np.repeat(np.asarray(block.trials, np.int32), len(block.lanes)), **flat}


def _table(prepared: Prepared, collected) -> Table:
    parts, records = [], []
    for number, block in enumerate(prepared.blocks):
        rows, provenance = prepared.store.read(block) if prepared.store else collected[block.name]
        rows["result"] = result_names(rows["result"])
        parts.append({**rows, "block": np.full(block.rows, number, np.int32)})
        records.append(provenance)
    return Table.assemble(prepared.grid, prepared.request.trials, parts, records, prepared.settings)
