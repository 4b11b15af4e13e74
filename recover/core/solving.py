"""One solve, as users ask for it: what is given is checked, what is wanted besides is told or thrown."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from .adjoint import AbstractAdjoint
from .checks import require_flag, require_key
from .data import shown
from .fields import require_leaves, require_scalars
from .progress import Report, Tell, require_progress, told_to_the_end
from .results import Result
from .solve import IMPLICIT, Solution, jitted_solve, require_steps, run
from .solver import AbstractSolver, require_problem, require_solver
from .warm import Estimate

__all__ = ["solve"]


@eqx.filter_jit
def _solve_within(problem, solver, key, max_steps, record, record_every, init, adjoint, throw, progress):
    reporting = None if progress is None else functools.partial(Report, progress)
    solution = run(problem, solver, key, max_steps, record, record_every, adjoint, init, reporting)
    return solution.result.error_if(solution, solution.result != Result.converged) if throw else solution


def solve(
    problem: Any,
    solver: AbstractSolver[Any, Any],
    *,
    max_steps: int = 1000,
    key: Key[Array, ""] | None = None,
    record: Callable[[Any], Any] | bool = False,
    record_every: int = 1,
    init: Any = None,
    adjoint: AbstractAdjoint = IMPLICIT,
    throw: bool = False,
    progress: Tell | bool | None = None,
) -> Solution[Any]:
    """Runs `solver` on `problem` until it stops or `max_steps` steps are taken.

    **Arguments:**

    - `problem`: what the solver sees, for instance `LinearProblem(A, y)` or the first output of `model.sample(key)`.
    - `solver`: one of `recover.solvers`, or your own `AbstractSolver`.
    - `max_steps`: the step budget. Not static: changing it does not compile again (unless a history is recorded, or steps are
      differentiated).
    - `key`: randomness for solvers that need it (random initialisations, probes); `jax.random.key(0)` by default.
    - `record`: `True` to keep every estimate in `solution.history`, or a function of the estimate, for instance
      `lambda x: model.error(truth, x)`. Pass an `equinox.Partial` or a module rather than a fresh lambda to avoid
      compiling again.
    - `record_every`: the stride of the history.
    - `init`: where to start: a `Solution` of the same problem and solver, which goes on from its last state, or an estimate, for
      solvers that can start from one (`AbstractSolver.warm`). Steps are counted from here.
    - `adjoint`: what `jax.grad` and the like make of it: `rc.ImplicitAdjoint()` differentiates the answer by what makes it
      optimal, `rc.UnrolledAdjoint()` the steps. Without derivatives it makes no difference.
    - `throw`: `True` raises, with the sentence of the result, unless that is `Result.converged`: `stalled`, `diverged`,
      `exhausted` (also of solvers that only ever stop by their budget) and `inaccurate` are failures. Under `jax.jit` it raises
      when the program runs; under `jax.vmap`, if any solve of the batch fails, with the sentence of one of those.
    - `progress`: `True` for a bar on the error stream, or a function of (steps, stats) that is called on the host, every hundredth
      of the budget and after the last step, with what `solver.stats` has as floats. Also under `jax.jit`. Under `jax.vmap` it
      tells of the batch as one: the steps of whoever is furthest, and of every statistic the largest. It changes no number
      but, as another program may, by rounding. Pass the same function again rather than a fresh lambda, as for `record`.

    **Returns:** a `Solution`. Without `throw` a solve never raises for numerical trouble: read `solution.result`.

    **Raises:** `TypeError` for a problem of another kind than the solver's, what is no solver, key, function or adjoint,
    or a solver that cannot start from an estimate; `ValueError` for a non-positive step budget or stride, several numbers in a
    field of one, or a start of other shapes; with `throw`, a `RuntimeError` (`equinox.EquinoxRuntimeError`, or that of JAX under a
    `jax.jit` around it).
    """
    require_solver("solve", solver)
    require_problem("solve: `problem`", problem, solver)
    require_steps("solve", "max_steps", max_steps)
    require_steps("solve", "record_every", record_every)
    if not (callable(record) or record is None or isinstance(record, bool)):
        raise TypeError(f"solve: `record` is {shown(record)}; True, False or a function of the estimate is allowed.")
    if not isinstance(adjoint, AbstractAdjoint):
        raise TypeError(
            f"solve: `adjoint` is {shown(adjoint)}; `rc.ImplicitAdjoint()` or `rc.UnrolledAdjoint()` is allowed."
        )
    require_flag("solve", "throw", throw)
    require_progress("solve", progress)
    key = jax.random.key(0) if key is None else key
    require_key("solve", "key", key)
    require_scalars("solve", solver)
    require_leaves("solve", solver)
    init = init.state if isinstance(init, Solution) else None if init is None else Estimate(init)
    watch = _identity if record is True else record or None
    progress = None if progress is False else progress
    traced = watch is None and not adjoint.unrolls()
    budget = jnp.asarray(max_steps, jnp.int32) if traced else max_steps
    if traced and not throw and progress is None:
        return jitted_solve(problem, solver, key, budget, init, adjoint)
    within = _solve_within if progress is None else told_to_the_end(_solve_within)
    return within(problem, solver, key, budget, watch, record_every, init, adjoint, bool(throw), progress)


def _identity(estimate):
    return estimate
