"""The one place that loops."""

from collections.abc import Callable
from typing import Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key, PyTree

from .checks import require_key
from .data import shown
from .fields import require_scalars
from .leaves import all_finite, cast_floating, floating_dtype
from .products import full_products
from .results import Result
from .solver import AbstractSolver, problem_kinds

__all__ = ["Solution", "solve"]

ValueT = TypeVar("ValueT")


class Solution(eqx.Module, Generic[ValueT]):
    """What `solve` returns.

    - `value`: the estimate.
    - `result`: why the solver stopped; compare with `Result.converged` and so on, or print it for a sentence.
    - `stats`: a dictionary of scalars: `steps`, and what the solver adds (linear solvers: `residual`).
    - `state`: the solver's last state.
    - `history`: what `record` returned at step 0 and after every `record_every` steps, stacked along a leading axis of
      length `max_steps // record_every + 1`; entries after the end repeat the last one. `None` unless asked for.
    """

    value: ValueT
    result: Result
    stats: dict[str, Array]
    state: PyTree
    history: PyTree | None


class Carry(eqx.Module):
    """A solve under way: the solver's state, its verdict on it, and the steps taken."""

    state: PyTree
    result: Result
    steps: Int[Array, ""]

    def running(self, until: Int[Array, ""]) -> Bool[Array, ""]:
        """Whether there is another step to take before step `until`."""
        return (self.result == Result.running) & (self.steps < until)


def start(problem: PyTree, solver: AbstractSolver, key: Key[Array, ""]) -> Carry:
    """The solve before its first step, which may have nothing to do."""
    state = solver.init(problem, key)
    return Carry(state, solver.status(problem, state), jnp.zeros((), jnp.int32))


def step(problem: PyTree, solver: AbstractSolver, carry: Carry) -> Carry:
    """One step, whether or not the solver has stopped."""
    state = solver.step(problem, carry.state)
    return Carry(state, solver.status(problem, state), carry.steps + 1)


def _advance(problem: PyTree, solver: AbstractSolver, carry: Carry, until: Int[Array, ""]) -> Carry:
    """Steps until the solver stops or `until` steps have been taken in all."""
    dynamic, static = eqx.partition(carry, eqx.is_array)

    def running(dynamic):
        return eqx.combine(dynamic, static).running(until)

    def body(dynamic):
        return eqx.filter(step(problem, solver, eqx.combine(dynamic, static)), eqx.is_array)

    return eqx.combine(jax.lax.while_loop(running, body, dynamic), static)


def finish(problem: PyTree, solver: AbstractSolver, carry: Carry, history: PyTree | None = None) -> Solution:
    """The answer after the last step; a solve that is still running has exhausted its budget."""
    value = solver.estimate(problem, carry.state)
    result = Result.where(carry.result == Result.running, Result.exhausted, carry.result)
    result = Result.where(all_finite(value), result, Result.diverged)
    stats = solver.stats(problem, carry.state)
    if "steps" in stats:
        raise ValueError(
            f"{type(solver).__name__}.stats returned 'steps', which is counted here; any other name is allowed."
        )
    return Solution(value, result, {"steps": carry.steps, **stats}, carry.state, history)


def run(
    problem: PyTree,
    solver: AbstractSolver,
    key: Key[Array, ""],
    max_steps: Int[Array, ""] | int,
    record: Callable[[PyTree], PyTree] | None = None,
    record_every: int = 1,
) -> Solution:
    """`solve` without its own compilation, to be called inside a transformed function.

    `max_steps` may be traced unless `record` is given, when it fixes the length of the history.
    """
    solver = cast_floating(solver, floating_dtype(problem))
    if record is None:
        with full_products():
            carry = start(problem, solver, key)
            return finish(problem, solver, _advance(problem, solver, carry, jnp.asarray(max_steps)))
    return run_watched(
        problem, solver, key, max_steps, lambda state: record(solver.estimate(problem, state)), record_every
    )


def run_watched(
    problem: PyTree,
    solver: AbstractSolver,
    key: Key[Array, ""],
    max_steps: int,
    watch: Callable[[PyTree], PyTree],
    every: int,
) -> Solution:
    """`run` with `watch(state)` at step 0 and after every `every` steps as its history; the solver is in the problem's dtype."""
    with full_products():
        carry = start(problem, solver, key)
        dynamic, static = eqx.partition(carry, eqx.is_array)

        def chunk(dynamic, until):
            carry = _advance(problem, solver, eqx.combine(dynamic, static), until)
            return eqx.filter(carry, eqx.is_array), watch(carry.state)

        limits = every * np.arange(1, max_steps // every + 1, dtype=np.int32)
        dynamic, rest = jax.lax.scan(chunk, dynamic, jnp.asarray(limits))
        history = jax.tree.map(lambda first, later: jnp.concatenate([first[None], later]), watch(carry.state), rest)
        carry = _advance(problem, solver, eqx.combine(dynamic, static), jnp.asarray(max_steps))
        return finish(problem, solver, carry, history)


@eqx.filter_jit
def _solve(problem, solver, key, max_steps):
    return run(problem, solver, key, max_steps)


@eqx.filter_jit
def _solve_recorded(problem, solver, key, max_steps, record, record_every):
    return run(problem, solver, key, max_steps, record, record_every)


def solve(
    problem: PyTree,
    solver: AbstractSolver,
    *,
    max_steps: int = 1000,
    key: Key[Array, ""] | None = None,
    record: Callable[[PyTree], PyTree] | bool = False,
    record_every: int = 1,
) -> Solution:
    """Runs `solver` on `problem` until it stops or `max_steps` steps are taken.

    **Arguments:**

    - `problem`: what the solver sees, for instance `LinearProblem(A, y)` or the first output of `model.sample(key)`.
    - `solver`: one of `recover.solvers`, or your own `AbstractSolver`.
    - `max_steps`: the step budget. Not static: changing it does not compile again (unless a history is recorded).
    - `key`: randomness for solvers that need it (random initialisations, probes); `jax.random.key(0)` by default.
    - `record`: `True` to keep every estimate in `solution.history`, or a function of the estimate, for instance
      `lambda x: model.error(truth, x)`. Pass an `equinox.Partial` or a module rather than a fresh lambda to avoid
      compiling again.
    - `record_every`: the stride of the history.

    **Returns:** a `Solution`. A solve never raises for numerical trouble: read `solution.result`.

    **Raises:** `TypeError` for a problem of another kind than the solver's, or what is no solver, key or function;
    `ValueError` for a non-positive step budget or stride, or several numbers in a field of one.
    """
    if not isinstance(solver, AbstractSolver):
        built = f"; build it: `{solver.__name__}(...)`" if isinstance(solver, type) else ""
        raise TypeError(f"solve: `solver` is {shown(solver)}; one of `recover.solvers` is allowed{built}.")
    kinds = problem_kinds(type(solver))
    if kinds and not isinstance(problem, kinds):
        taken = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"solve: `problem` is {shown(problem)}; {type(solver).__name__} takes a {taken}.")
    _positive("max_steps", max_steps)
    _positive("record_every", record_every)
    if not (callable(record) or record is None or isinstance(record, bool)):
        raise TypeError(f"solve: `record` is {shown(record)}; True, False or a function of the estimate is allowed.")
    key = jax.random.key(0) if key is None else key
    require_key("solve", "key", key)
    require_scalars("solve", solver)
    if record is False or record is None:
        return _solve(problem, solver, key, jnp.asarray(max_steps, jnp.int32))
    record = _identity if record is True else record
    return _solve_recorded(problem, solver, key, max_steps, record, record_every)


def _identity(estimate):
    return estimate


def _positive(name: str, value) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ValueError(f"solve: `{name}` is {value!r}; a positive integer is allowed.")
