"""The one place that loops."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from .adjoint import AbstractAdjoint, ImplicitAdjoint, UnrolledAdjoint, held, implicitly
from .leaves import all_finite, cast_floating, floating_dtype
from .products import full_products
from .results import Result
from .solver import AbstractSolver
from .units import Posed, largest, pose
from .warm import started

if TYPE_CHECKING:
    # What tells progress is no part of what computes: its edits make no row stale.
    from .progress import Report

    Reporting = Callable[[Posed, Int[Array, ""]], Report]

__all__ = ["Solution"]

ValueT = TypeVar("ValueT")

# A solve whose certificate did not hold goes on for an eighth of its steps, and at least so many, before it is asked for
# again. Where it has not fallen to this share of its least value so many times in a row, the solve is over.
_MORE, _LEAST_MORE, _FALLEN, _MISSES = 8, 10, 0.95, 2
# An answer whose largest number is not so many times the least normal one has lost the digits of its smaller ones.
_HELD = 1024
IMPLICIT = ImplicitAdjoint()


class Solution(eqx.Module, Generic[ValueT]):
    """What `solve` returns.

    - `value`: the estimate.
    - `result`: why the solver stopped; compare with `Result.converged` and so on, or print it for a sentence.
    - `stats`: a dictionary of scalars: `steps`, and what the solver adds (linear solvers: `residual`); `certificate`, at
      most 1 where the answer is certified, for solvers that have one.
    - `state`: the solver's last state, in the units in which it computed.
    - `history`: what `record` returned at step 0 and after every `record_every` steps, stacked along a leading axis of
      length `max_steps // record_every + 1`; entries after the end repeat the last one. `None` unless asked for.
    """

    value: ValueT
    result: Result
    stats: dict[str, Array]
    state: PyTree
    history: PyTree | None


class Judgement(eqx.Module):
    """What has come of asking for a certificate.

    Its last and its least value, since how many times it has not fallen, when to ask again, and whether the result is final.
    """

    value: Float[Array, ""]
    least: Float[Array, ""]
    misses: Int[Array, ""]
    wait: Int[Array, ""]
    final: Bool[Array, ""]

    @staticmethod
    def start(value: Float[Array, ""]) -> "Judgement":
        """Before a certificate, of the dtype of `value`, was asked for."""
        unknown, none = jnp.full((), jnp.inf, value.dtype), jnp.zeros((), jnp.int32)
        return Judgement(unknown, unknown, none, none, jnp.zeros((), bool))


class Carry(eqx.Module):
    """A solve under way: the solver's state, its verdict on it, the steps taken, and how its certificate was judged, if any."""

    state: PyTree
    result: Result
    steps: Int[Array, ""]
    judgement: Judgement | None = None

    def running(self, until: Int[Array, ""]) -> Bool[Array, ""]:
        """Whether there is another step to take before step `until`."""
        return (self.result == Result.running) & (self.steps < until)

    def pending(self, budget: Int[Array, ""]) -> Bool[Array, ""]:
        """Whether no step is to be taken within the budget, and the certificate has yet to be asked for."""
        if self.judgement is None:
            return jnp.zeros((), bool)
        return ~self.running(budget) & ~self.judgement.final


def start(problem: PyTree, solver: AbstractSolver, key: Key[Array, ""], state: PyTree | None = None) -> Carry:
    """The solve before its first step, which may have nothing to do; from a state of its own, or from a given one."""
    state = solver.init(problem, key) if state is None else state
    certificate = solver.certificate(problem, state)
    judgement = None if certificate is None else Judgement.start(certificate.value)
    return Carry(state, solver.status(problem, state), jnp.zeros((), jnp.int32), judgement)


def step(problem: PyTree, solver: AbstractSolver, carry: Carry) -> Carry:
    """One step, whether or not the solver has stopped."""
    state = solver.step(problem, carry.state)
    steps, result = carry.steps + 1, solver.status(problem, state)
    if carry.judgement is not None:
        early = (result == Result.converged) & (steps < carry.judgement.wait)
        result = Result.where(early, Result.running, result)
    return Carry(state, result, steps, carry.judgement)


def judge(problem: PyTree, solver: AbstractSolver, carry: Carry, budget: Int[Array, ""]) -> Carry:
    """Asks for the certificate of a solve that is pending.

    Where the stopping rule is met without it the solve goes on, unless going on brought nothing or the budget is used up.
    """
    certificate = None if carry.judgement is None else solver.certificate(problem, carry.state)
    if certificate is None:
        return carry
    judgement, pending = carry.judgement, carry.pending(budget)
    fallen = certificate.value <= _FALLEN * judgement.least
    misses = jnp.where(fallen, 0, judgement.misses + 1)
    over = certificate.final | (misses >= _MISSES) | (carry.steps >= budget)
    met = solver.status(problem, carry.state) == Result.converged
    unmet = Result.where(carry.result == Result.running, Result.exhausted, carry.result)
    missing = Result.where(over, Result.inaccurate, Result.running)
    result = Result.where(met, Result.where(certificate.holds, Result.converged, missing), unmet)
    result = Result.where(pending, result, carry.result)
    asked = Judgement(
        value=certificate.value,
        least=jnp.where(fallen, certificate.value, judgement.least),
        misses=misses,
        wait=carry.steps + jnp.maximum(carry.steps // _MORE, _LEAST_MORE),
        final=result != Result.running,
    )
    kept = jtu.tree_map(lambda new, old: jnp.where(pending, new, old), asked, judgement)
    return Carry(carry.state, result, carry.steps, kept)


def _advance(
    problem: PyTree,
    solver: AbstractSolver,
    carry: Carry,
    until,
    budget,
    unrolled=None,
    most=None,
    report: "Report | None" = None,
) -> Carry:
    """Steps until the solver stops or `until` steps have been taken in all, of a `budget` of so many.

    To be differentiated if `unrolled`, and then at most `most` steps.
    """
    if unrolled is not None:
        return _unroll(unrolled, problem, solver, carry, until, budget, most, report)
    dynamic, static = eqx.partition(carry, eqx.is_array)

    def whole(dynamic) -> Carry:
        return eqx.combine(dynamic, static)

    def body(dynamic):
        return eqx.filter(_reported(step(problem, solver, whole(dynamic)), report), eqx.is_array)

    def steps(dynamic):
        return jax.lax.while_loop(lambda dynamic: whole(dynamic).running(until), body, dynamic)

    if carry.judgement is None:
        return whole(steps(dynamic))

    # In a loop of its own, so that of solves side by side none pays for a certificate in every step.
    def unsettled(dynamic):
        carry = whole(dynamic)
        return carry.running(until) | carry.pending(budget)

    def turn(dynamic):
        return eqx.filter(judge(problem, solver, whole(steps(dynamic)), budget), eqx.is_array)

    return whole(jax.lax.while_loop(unsettled, turn, dynamic))


def _reported(carry: Carry, report: "Report | None") -> Carry:
    if report is not None:
        report.during(carry.steps, carry.result, carry.state)
    return carry


def _unroll(
    adjoint: UnrolledAdjoint,
    problem: PyTree,
    solver: AbstractSolver,
    carry: Carry,
    until,
    budget,
    most: int,
    report: "Report | None",
):
    """The same in at most `most` steps, to be differentiated: in one loop, which asks for a certificate in every turn."""
    dynamic, static = eqx.partition(carry, eqx.is_array)

    def whole(dynamic) -> Carry:
        return eqx.combine(dynamic, static)

    def unfinished(dynamic):
        carry = whole(dynamic)
        return carry.running(until) | carry.pending(budget)

    def moved(dynamic):
        return eqx.filter(_reported(step(problem, solver, whole(dynamic)), report), eqx.is_array)

    def turn(dynamic):
        carry = whole(jax.lax.cond(whole(dynamic).running(until), moved, lambda dynamic: dynamic, dynamic))
        # Judgements are no part of the answer.
        seen = judge(*held((problem, solver, carry)), budget)
        return eqx.filter(Carry(carry.state, seen.result, carry.steps, seen.judgement), eqx.is_array)

    # A solve may have a certificate to be asked for before its first step.
    return whole(adjoint.loop(unfinished, turn, dynamic, most + 1))


def finish(posed: Posed, carry: Carry, history: PyTree | None = None) -> Solution:
    """The answer after the last step; a solve that is still running has exhausted its budget."""
    problem, solver = posed.problem, posed.solver
    natural = solver.estimate(problem, carry.state)
    value = posed.restored(natural)
    result = Result.where(carry.result == Result.running, Result.exhausted, carry.result)
    if posed.units is not None:
        lost = (result == Result.converged) & _vanished(natural, value)
        result = Result.where(lost, Result.inaccurate, result)
    result = Result.where(all_finite(value), result, Result.diverged)
    stats = solver.stats(problem, carry.state)
    if "steps" in stats:
        raise ValueError(
            f"{type(solver).__name__}.stats returned 'steps', which is counted here; any other name is allowed."
        )
    stats = {"steps": carry.steps, **posed.restored_stats(stats)}
    if carry.judgement is not None:
        stats["certificate"] = carry.judgement.value
    return Solution(value, result, stats, carry.state, history)


def _vanished(natural: PyTree, value: PyTree) -> Bool[Array, ""]:
    """Whether something in an answer is so small, in the units of the data, that its precision does not hold it."""
    lost = jnp.zeros((), bool)
    for before, after in zip(jtu.tree_leaves(natural), jtu.tree_leaves(value), strict=True):
        if eqx.is_inexact_array(after):
            least = _HELD * jnp.finfo(after.dtype).tiny
            lost |= (largest(before) > 0) & (largest(after) < least)
    return lost


def run(
    problem: PyTree,
    solver: AbstractSolver,
    key: Key[Array, ""],
    max_steps: Int[Array, ""] | int,
    record: Callable[[PyTree], PyTree] | None = None,
    record_every: int = 1,
    adjoint: AbstractAdjoint | None = None,
    init: PyTree | None = None,
    reporting: "Reporting | None" = None,
) -> Solution:
    """`solve` without its own compilation, to be called inside a transformed function; without an adjoint it has no derivative.

    `max_steps` may be traced unless `record` or an `UnrolledAdjoint` is given, when it fixes the length of arrays.
    """
    with full_products():
        posed = pose(problem, cast_floating(solver, floating_dtype(problem)))
    unrolled = adjoint if isinstance(adjoint, UnrolledAdjoint) else None

    def run_either(posed: Posed, rest) -> Solution:
        key, max_steps, record, init, reporting = rest
        report = None if reporting is None else reporting(posed, jnp.asarray(max_steps, jnp.int32))
        if record is None:
            return run_posed(posed, key, max_steps, init, unrolled, report)

        def watch(state):
            return record(posed.restored(posed.solver.estimate(posed.problem, state)))

        return run_watched(posed, key, max_steps, watch, record_every, init, unrolled, report)

    rest = key, max_steps, record, init, reporting
    if isinstance(adjoint, ImplicitAdjoint):
        return implicitly(run_either, posed, rest, adjoint)
    return run_either(posed, rest)


def run_posed(
    posed: Posed,
    key: Key[Array, ""],
    max_steps: Int[Array, ""] | int,
    init: PyTree | None = None,
    unrolled: UnrolledAdjoint | None = None,
    report: "Report | None" = None,
) -> Solution:
    """`run` of what `pose` made, without a history."""
    with full_products():
        carry = start(posed.problem, posed.solver, key, started(posed, key, init))
        budget = jnp.asarray(max_steps)
        carry = _advance(posed.problem, posed.solver, carry, budget, budget, unrolled, max_steps, report)
        return _finished(posed, carry, None, report)


def run_watched(
    posed: Posed,
    key: Key[Array, ""],
    max_steps: int,
    watch: Callable[[PyTree], PyTree],
    every: int,
    init: PyTree | None = None,
    unrolled: UnrolledAdjoint | None = None,
    report: "Report | None" = None,
) -> Solution:
    """`run` of what `pose` made, with `watch(state)` at step 0 and after every `every` steps as its history."""
    problem, solver = posed.problem, posed.solver
    with full_products():
        carry = start(problem, solver, key, started(posed, key, init))
        dynamic, static = eqx.partition(carry, eqx.is_array)

        def chunk(dynamic, until):
            carry = _advance(problem, solver, eqx.combine(dynamic, static), until, budget, unrolled, every, report)
            return eqx.filter(carry, eqx.is_array), watch(carry.state)

        budget = jnp.asarray(max_steps)
        limits = every * np.arange(1, max_steps // every + 1, dtype=np.int32)
        dynamic, rest = jax.lax.scan(chunk, dynamic, jnp.asarray(limits))
        history = jax.tree.map(lambda first, later: jnp.concatenate([first[None], later]), watch(carry.state), rest)
        carry = _advance(problem, solver, eqx.combine(dynamic, static), budget, budget, unrolled, every, report)
        return _finished(posed, carry, history, report)


def _finished(posed: Posed, carry: Carry, history: PyTree | None, report: "Report | None") -> Solution:
    if report is not None:
        report.after(carry.steps, carry.state)
    return finish(posed, carry, history)


@eqx.filter_jit
def jitted_solve(problem, solver, key, max_steps, init, adjoint):
    return run(problem, solver, key, max_steps, adjoint=adjoint, init=init)


def require_steps(owner: str, name: str, value) -> None:
    """Raises `ValueError` for what is no number of steps."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not 1 <= value < 2**31:
        raise ValueError(f"{owner}: `{name}` is {value!r}; a positive integer below 2^31 is allowed.")
