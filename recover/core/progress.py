"""Telling how far a solve is, from within its program."""

import functools
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Int

from .adjoint import held
from .data import shown
from .leaves import is_concrete
from .results import Result
from .units import Posed

if TYPE_CHECKING:
    from rich.progress import Progress

Tell = Callable[[int, dict[str, float]], object]

# A hundred reports show how far a solve is, and cost nothing beside its steps.
_REPORTS = 100


def require_progress(owner: str, progress) -> None:
    """Raises `TypeError` for what is no wish of how progress be told."""
    if not (callable(progress) or progress is None or isinstance(progress, bool)):
        raise TypeError(
            f"{owner}: `progress` is {shown(progress)}; True, False, None or a function of (steps, stats) is allowed."
        )


class Report:
    """Reports of a solve: every hundredth of its budget, and after its last step.

    Under `jax.vmap` there is one for the whole batch: the steps of whoever is furthest, and of every statistic the largest.
    """

    def __init__(self, tell: Tell | bool, posed: Posed, budget: Int[Array, ""]):
        # What is told has no derivative.
        self._tell, self._posed, self._budget = tell, held(posed), budget

    def during(self, steps: Int[Array, ""], result: Result, state) -> None:
        """After a step: reports if it is time to."""
        stride = jnp.maximum(self._budget // _REPORTS, 1)
        due = (result == Result.running) & (steps < self._budget) & (steps % stride == 0)
        dynamic, static = eqx.partition(state, eqx.is_array)

        def send(dynamic):
            self._send(steps, eqx.combine(dynamic, static), last=False)

        # A condition that differs between the lanes of a batch would be no condition any more.
        jax.lax.cond(eqxi.unvmap_any(due), send, lambda dynamic: None, jax.lax.stop_gradient(dynamic))

    def after(self, steps: Int[Array, ""], state) -> None:
        """After the last step."""
        self._send(steps, held(state), last=True)

    def _send(self, steps: Int[Array, ""], state, last: bool) -> None:
        posed = self._posed
        stats = posed.restored_stats(posed.solver.stats(posed.problem, state))
        largest = {name: _largest(value) for name, value in stats.items()}
        jax.debug.callback(functools.partial(_deliver, self._tell, last), self._budget, _largest(steps), largest)


def _largest(value: ArrayLike) -> Array:
    """The largest value of a batch."""
    value = jnp.asarray(value)
    # The function is annotated for integers; what it calls takes any number.
    return eqxi.unvmap_max_p.bind(value.astype(jnp.int32) if value.dtype == bool else value)


def _deliver(tell: Tell | bool, last: bool, budget, steps, stats: Mapping) -> None:
    numbers = {name: float(value) for name, value in stats.items()}
    if tell is True:
        _BAR.show(int(steps), int(budget), numbers, last)
    else:
        tell(int(steps), numbers)


class _Bar:
    """A bar on the error stream: steps, the first statistic, time. Solves that run at the same time share it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._bar: Progress | None = None

    def show(self, steps: int, budget: int, stats: dict[str, float], last: bool) -> None:
        """Moves the bar, which begins with the first report and ends with the last."""
        with self._lock:
            told = next((f"{name} {value:.3g}" for name, value in stats.items()), "")
            bar = self._bar = self._bar or self._begun(budget)
            bar.update(bar.task_ids[0], completed=steps, total=budget, told=told, refresh=True)
            if last:
                self._end()

    def close(self) -> None:
        """Ends a bar that a failed solve has left."""
        with self._lock:
            if self._bar is not None:
                self._end()

    def _end(self) -> None:
        assert self._bar is not None
        self._bar.stop()
        self._bar = None

    @staticmethod
    def _begun(budget: int) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        told = TextColumn("{task.fields[told]}")
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), told, TimeElapsedColumn()
        bar = Progress(*columns, console=Console(file=sys.stderr))
        bar.add_task("steps", total=budget, told="")
        bar.start()
        return bar


_BAR = _Bar()


def told_to_the_end(solve: Callable) -> Callable:
    """A function that returns when all has been told of what it computed, unless it is being traced; no bar stays behind."""

    @functools.wraps(solve)
    def told(*arguments):
        try:
            solution = solve(*arguments)
            if is_concrete(solution.stats["steps"]):
                jax.effects_barrier()
        except BaseException:
            _BAR.close()
            raise
        return solution

    return told
