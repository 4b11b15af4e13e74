"""Timing: wall and processor time of a piece of work, of a sweep, and of a loop over single instances.

Processor time (core-seconds of all threads of the process) is what ratios are taken of: on a machine shared with others
it is the steadier of the two. Wall time is reported beside it.
"""

import concurrent.futures
import contextlib
import dataclasses
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import chex
import jax
import numpy as np
import threadpoolctl

import recover as rc
from recover.sweeps import program
from recover.sweeps.block import BlockTask


@dataclasses.dataclass
class Spent:
    """Wall time and processor time of a piece of work."""

    seconds: float = 0.0
    core_seconds: float = 0.0


@contextlib.contextmanager
def stopwatch() -> Iterator[Spent]:
    """Fills in what the body of the `with` spent."""
    spent = Spent()
    wall, cores = time.perf_counter(), time.process_time()
    yield spent
    spent.seconds, spent.core_seconds = time.perf_counter() - wall, time.process_time() - cores


def speed(count: int, spent: Spent) -> dict[str, float]:
    """Instances per second and per core-second, and what a million of them cost."""
    return {
        "per_second": count / spent.seconds,
        "per_core_second": count / spent.core_seconds,
        "seconds_per_million": 1e6 * spent.seconds / count,
    }


def peak_memory() -> int:
    """The largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


class Altered(concurrent.futures.Executor):
    """Computes blocks here and now, after a change to each task: how a sweep is run in another layout."""

    def __init__(self, change: Callable[[BlockTask], BlockTask]):
        self._change = change

    def submit(self, fn, /, task, *args, **kwargs):  # pyright: ignore
        """Computes at once."""
        future = concurrent.futures.Future()
        try:
            future.set_result(fn(self._change(task), *args, **kwargs))
        except Exception as error:  # as any executor does: the caller of `result` decides
            future.set_exception(error)
        return future


def without_queue(task: BlockTask) -> BlockTask:
    """All instances of a block (own designs: of a batch) start together and wait for the slowest."""
    return dataclasses.replace(task, settings=dataclasses.replace(task.settings, slots=None))


def timed_sweep(
    cell, axes, *, trials, change=lambda task: task, seed=1, **options
) -> tuple[rc.Table, dict[str, float]]:
    """A sweep timed from call to table: planning, draws, solves and scores, but not compilation.

    A first sweep of the same shapes and of one step compiles; its compile time is reported apart.
    """
    one_step = Altered(lambda task: dataclasses.replace(change(task), max_steps=1))
    cold = rc.sweep(cell, axes, trials=trials, executor=one_step, **options)
    with stopwatch() as spent:
        table = rc.sweep(cell, axes, trials=trials, seed=seed, executor=Altered(change), **options)
    numbers = {
        "instances": len(table.frame),
        **speed(len(table.frame), spent),
        **made(cold.provenance),
        "mean_steps": float(table.frame["steps"].mean()),
    }
    return table, numbers


def made(provenance) -> dict[str, float]:
    """What making the programs of a sweep took, all together and in parts."""
    names = ("compile_seconds", "trace_seconds", "lower_seconds", "xla_seconds")
    return {name: float(provenance[name].sum()) for name in names}


@contextlib.contextmanager
def traced_once() -> Iterator[None]:
    """Raises if sweeps in the body of the `with` trace the program of a block more than once."""
    chex.clear_trace_counter()
    original = program.block_rows
    program.block_rows = chex.assert_max_traces(original, n=1)
    try:
        yield
    finally:
        program.block_rows = original


def timed_loop(cells: Sequence, solve_one: Callable[[Any, np.random.Generator], Any], seconds: float, seed: int = 0):
    """A loop over grid cells in random order, one instance after another on one thread: speed, and what was returned.

    Threads cost more than they bring in products this small, above all on a busy machine.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(cells))
    outcomes = []
    with threadpoolctl.threadpool_limits(1), stopwatch() as spent:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            outcomes.append(solve_one(cells[order[len(outcomes) % len(cells)]], random))
    return speed(len(outcomes), spent), outcomes


def timed_call(function: Callable[[], Any], count: int) -> tuple[Any, dict[str, float]]:
    """A call that handles `count` instances: the fastest of three, after one call that compiles."""
    with stopwatch() as first:
        result = jax.block_until_ready(function())
    spent = best(function, warm=True)
    return result, {**speed(count, spent), "compile_seconds": first.seconds - spent.seconds}


def best(function: Callable[[], Any], repeats: int = 3, warm: bool = False) -> Spent:
    """The least wall time and the least processor time of a few calls, the first (which compiles) left out unless `warm`."""
    timings = []
    for _ in range(repeats if warm else repeats + 1):
        with stopwatch() as spent:
            jax.block_until_ready(function())
        timings.append(spent)
    timings = timings[-repeats:]
    return Spent(min(t.seconds for t in timings), min(t.core_seconds for t in timings))


def named(prefix: str, numbers: dict[str, float]) -> dict[str, float]:
    """The same numbers, each name with a prefix."""
    return {f"{prefix}_{name}": value for name, value in numbers.items()}
