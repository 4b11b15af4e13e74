"""Many problems of one's own, solved by one solver through a queue, without waiting for the slowest."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Key, PyTree

from ..core.checks import require_key
from ..core.data import shown
from ..core.fields import require_leaves, require_scalars
from ..core.leaves import cast_floating, floating_dtype
from ..core.problem import AbstractProblem
from ..core.products import full_products
from ..core.solve import Solution, finish, require_steps, run_posed, start
from ..core.solver import AbstractSolver, require_problem, require_solver
from ..core.units import pose
from ..core.warm import Estimate, started
from .lanes import Slots, work_off
from .layout import Machine, Sizes, own_places, tree_bytes
from .program import collected
from .split import Occupant

__all__ = ["solve_many"]


def solve_many(
    problems: Any,
    solver: AbstractSolver[Any, Any],
    *,
    max_steps: int = 1000,
    key: Key[Array, "..."] | None = None,
    init: Any = None,
) -> Solution[Any]:
    """Solves many problems side by side, each until it stops: the answers of `jax.vmap` of `rc.solve`, without its waiting.

    Under `jax.vmap` every solve goes on until the slowest has stopped. Here they pass through a queue with as many places as
    the machine's memory feeds at full speed, and whoever stops makes room for the next. What all problems of a list share
    (the very same array as their operator, say) is held once.

    **Arguments:**

    - `problems`: a list of problems of the same kind and shapes, or one problem whose arrays all have a leading axis more.
    - `solver`: as for `rc.solve`, one for all problems.
    - `max_steps`: the step budget of each.
    - `key`: one random key, which every solve gets (as `rc.solve` would), or one for each.
    - `init`: where to start: what `solve_many` returned for the same problems, or estimates, with a leading axis, for solvers
      that can start from one.

    **Returns:** a `Solution` all of whose fields have a leading axis, in the order of the problems. It has no derivative.

    **Raises:** `TypeError` for what is no solver, no problems of its kind, or no key, or for a solver that cannot start from an
    estimate; `ValueError` for problems of different shapes or structures, another number of keys or starts than of problems, or a
    non-positive step budget.
    """
    require_solver("solve_many", solver)
    require_steps("solve_many", "max_steps", max_steps)
    require_scalars("solve_many", solver)
    require_leaves("solve_many", solver)
    batched, shared, count = _stacked(problems, solver)
    key = jax.random.key(0) if key is None else key
    if jnp.ndim(key) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        _require_count("key", key, count)
        require_key("solve_many", "key", key[0])
    else:
        require_key("solve_many", "key", key)
        key = jnp.broadcast_to(key, (count, *key.shape)) if jnp.ndim(key) else key
    init = init.state if isinstance(init, Solution) else None if init is None else Estimate(init)
    _require_count("init", init, count)
    return _solve_many(batched, shared, solver, key, jnp.asarray(max_steps, jnp.int32), init, count, Machine.here())


def _stacked(problems, solver: AbstractSolver) -> tuple[PyTree, PyTree, int]:
    """Arrays with a leading axis, and whatever all problems share; how many there are."""
    if isinstance(problems, AbstractProblem) or not isinstance(problems, (list, tuple)):
        require_problem("solve_many: `problems`", problems, solver)
        batched, static = eqx.partition(problems, eqx.is_array_like)
        leaves = jtu.tree_leaves(batched)
        sizes = {jnp.shape(leaf)[:1] for leaf in leaves}
        if len(sizes) != 1 or sizes == {()}:
            raise ValueError(
                f"solve_many: `problems` is one {type(problems).__name__}, whose arrays have the leading axes "
                f"{sorted(map(str, sizes))}; one of the same length is allowed, as `jax.vmap` "
                "of what makes a problem returns, or a list of problems."
            )
        return batched, static, int(*sizes.pop())
    if not problems:
        raise ValueError("solve_many: `problems` is empty; at least one is allowed.")
    for number, problem in enumerate(problems):
        require_problem(f"solve_many: `problems[{number}]`", problem, solver)
    kinds = [_kind(problem) for problem in problems]
    for number, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ValueError(
                f"solve_many: `problems[{number}]` has arrays of {kind[1]}, or other static fields, and `problems[0]` of "
                f"{kinds[0][1]}; problems of one kind are allowed, rows of smaller ones padded with zeros and counted by `samples`."
            )
    columns = list(zip(*map(jtu.tree_leaves, problems), strict=True))
    common = [all(leaf is column[0] for leaf in column) for column in columns]
    structure = jtu.tree_structure(problems[0])
    batched = [None if same else _stack(column) for column, same in zip(columns, common, strict=True)]
    shared = [column[0] if same else None for column, same in zip(columns, common, strict=True)]
    return jtu.tree_unflatten(structure, batched), jtu.tree_unflatten(structure, shared), len(problems)


def _stack(column) -> Array:
    # On the host, where thousands of arrays take no program of their own.
    concrete = not any(isinstance(leaf, jax.core.Tracer) for leaf in column)
    return jnp.asarray(np.stack([np.asarray(leaf) for leaf in column])) if concrete else jnp.stack(column)


def _kind(problem: PyTree):
    leaves, structure = jtu.tree_flatten(problem)
    return structure, tuple(f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}" for leaf in leaves)


def _require_count(name: str, tree: PyTree, count: int) -> None:
    for leaf in jtu.tree_leaves(tree):
        if jnp.shape(leaf)[:1] != (count,):
            raise ValueError(
                f"solve_many: `{name}` is {shown(leaf)} of shape {jnp.shape(leaf)}; a leading axis of {count}, one for each "
                "problem, is allowed."
            )


@eqx.filter_jit
def _solve_many(batched, shared, solver, key, max_steps, init, count: int, machine: Machine) -> Solution:
    each_key = jnp.ndim(key) > 0

    def given(index):
        """What is given of one problem."""
        problem, begun = jtu.tree_map(lambda leaf: jnp.asarray(leaf)[index], (batched, init))
        return eqx.combine(problem, shared), key[index] if each_key else key, begun

    def posed(index):
        problem, own_key, begun = given(index)
        return pose(problem, cast_floating(solver, floating_dtype(problem))), own_key, begun

    def begin(index) -> Occupant:
        posing, own_key, begun = posed(index)
        carry = start(posing.problem, posing.solver, own_key, started(posing, own_key, begun))
        return Occupant(posing.problem, (), posing.solver, carry, posing.units)

    def end(index, occupant: Occupant):
        return _arrays(finish(occupant.posed, occupant.carry))

    def alone(index):
        posing, own_key, begun = posed(index)
        return _arrays(run_posed(posing, own_key, max_steps, begun))

    first = jnp.zeros((), jnp.int32)
    with full_products():
        whole = eqx.filter_eval_shape(begin, first)
        solution = eqx.filter_eval_shape(lambda occupant: finish(occupant.posed, occupant.carry), whole)
        slots, width = _places(batched, whole, machine, count)
        if slots is None:
            rows = collected(lambda carry, items: (carry, jax.vmap(alone)(items)), (), jnp.asarray(count), count, width)
        else:
            rows = work_off(count, jnp.asarray(count, jnp.int32), begin, end, max_steps, slots)
    return _rejoined(rows, solution)


def _places(batched: PyTree, occupant: Occupant, machine: Machine, count: int) -> tuple[Slots | None, int]:
    own = tree_bytes(batched) // count
    return own_places(Sizes(own, max(tree_bytes(occupant.carry), 1)), machine, count)


def _arrays(solution: Solution) -> list[Array]:
    """The arrays of a solution, random keys as their words."""
    leaves = jtu.tree_leaves(eqx.filter(solution, eqx.is_array))
    return [jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in leaves]


def _rejoined(rows: list[Array], like: Solution) -> Solution:
    """The solution with these arrays, and all else as in `like`."""
    shapes, static = eqx.partition(like, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    leaves, structure = jtu.tree_flatten(shapes)
    leaves = [
        jax.random.wrap_key_data(row, impl=jax.random.key_impl(leaf)) if _is_key(leaf) else row
        for row, leaf in zip(rows, leaves, strict=True)
    ]
    return eqx.combine(jtu.tree_unflatten(structure, leaves), static)


def _is_key(leaf) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
