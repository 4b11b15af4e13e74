"""One problem along a path of a hyper-parameter, each solve from the answer of the one before."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, ArrayLike, Key, Real

from .checks import require_key
from .data import shown
from .fields import require_leaves, require_scalars
from .leaves import is_concrete
from .solve import Solution, require_steps, run
from .solver import AbstractSolver, require_problem, require_solver
from .warm import Estimate

__all__ = ["path"]


def path(
    problem: Any,
    solver: AbstractSolver[Any, Any],
    name: str,
    values: Sequence[float] | Real[ArrayLike, "count ..."],
    *,
    max_steps: int = 1000,
    key: Key[Array, ""] | None = None,
    init: Any = None,
) -> Solution[Any]:
    """Solves a problem for every value of one hyper-parameter, in their order, each solve from the answer of the one before.

    One compiled program, for instance for a regularisation path: `rc.path(problem, rc.solvers.FISTA(), "penalty",
    jnp.geomspace(1, 1e-3, 50))`.

    **Arguments:**

    - `problem`, `solver`, `key`: as for `rc.solve`; the solver must be able to start from an estimate.
    - `name`: a number that the solver holds: `"tolerance"`, or `"penalty.gamma"` in a part of it. A part that has a strength is
      short for that: `"penalty"` is `"penalty.strength"`, and the strength of an l1 penalty where none is given.
    - `values`: the values, one after the other along the leading axis.
    - `max_steps`: the step budget for each value.
    - `init`: an estimate to start the first solve from.

    **Returns:** a `Solution` all of whose fields have a leading axis, one entry for each value.

    **Raises:** `ValueError` for a name that is no traced number of the solver, which lists those that are, for no values, or
    for a value that the solver does not allow; `TypeError` for a solver that cannot start from an estimate.
    """
    require_solver("path", solver)
    require_problem("path: `problem`", problem, solver)
    require_steps("path", "max_steps", max_steps)
    require_leaves("path", solver)
    key = jax.random.key(0) if key is None else key
    require_key("path", "key", key)
    names = traced_names(solver)
    if name not in names:
        raise ValueError(
            f"path: `name` is {name!r}; numbers of {type(solver).__name__} are {', '.join(sorted(names))}."
        )
    values = values if isinstance(values, jax.Array) else np.asarray(values)
    if values.dtype.kind not in "iuf" and not jnp.issubdtype(values.dtype, jnp.floating):
        raise ValueError(f"path: `values` is {shown(values)}; numbers are allowed.")
    if values.ndim == 0 or values.shape[0] == 0:
        raise ValueError(
            f"path: `values` has shape {values.shape}; at least one value, along a leading axis, is allowed."
        )
    for value in values if is_concrete(values) else values[:1]:
        require_scalars("path", replaced(solver, name, value))
    if isinstance(init, Solution):
        raise TypeError("path: `init` is a Solution, whose state is that of one value; its `value` is allowed.")
    return _path(problem, solver, name, jnp.asarray(values), jnp.asarray(max_steps, jnp.int32), key, init)


@eqx.filter_jit
def _path(problem, solver, name: str, values, max_steps, key, init) -> Solution:
    def at(value, init):
        return run(problem, replaced(solver, name, value), key, max_steps, init=init)

    first = at(values[0], None if init is None else Estimate(init))
    # A solver that starts anew each time would be a loop of `solve` by another name, and is refused even for one value.
    follow = eqx.filter_eval_shape(lambda value: at(values[0], Estimate(value)), first.value)
    assert jtu.tree_structure(follow.value) == jtu.tree_structure(first.value)
    static = eqx.partition(first, eqx.is_array)[1]

    def advance(estimate, value):
        solution = at(value, Estimate(estimate))
        return solution.value, eqx.filter(solution, eqx.is_array)

    _, rest = jax.lax.scan(advance, first.value, values[1:])
    rows = jtu.tree_map(lambda one, more: jnp.concatenate([one[None], more]), eqx.filter(first, eqx.is_array), rest)
    return eqx.combine(rows, static)


def traced_names(module) -> set[str]:
    """The numbers that a module holds, or may be given, by their names; those of its parts with dots."""
    names = set()
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if field.metadata.get("static", False) or not field.init:
            continue
        if isinstance(value, eqx.Module):
            inner = traced_names(value)
            names |= {f"{field.name}.{each}" for each in inner} | ({field.name} if "strength" in inner else set())
        elif value is None or eqx.is_array_like(value):
            names.add(field.name)
    return names


def replaced(module, name: str, value):
    """The module with one of its `traced_names` set; built anew, so that its rules are checked."""
    first, _, rest = name.partition(".")
    held = getattr(module, first)
    if isinstance(held, eqx.Module):
        value = replaced(held, rest or "strength", value)
    return dataclasses.replace(module, **{first: value})
