"""A solve compiled ahead, for repeated calls."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Key, PyTree

from .checks import require_key
from .fields import require_leaves, require_scalars
from .solve import IMPLICIT, Solution, jitted_solve, require_steps
from .solver import AbstractSolver, require_problem, require_solver

__all__ = ["CompiledSolve", "compile"]


class CompiledSolve:
    """What `rc.compile` returns: `rc.solve` for problems of one kind and shape, which never compiles again."""

    def __init__(self, problem_like: Any, solver: AbstractSolver[Any, Any]):
        self.solver = solver
        problem = jtu.tree_map(_as_array, problem_like)
        self._kind = _kind(problem)
        # The structure of what is called is that of what was compiled, down to numbers that are NumPy's.
        self._solver = jtu.tree_map(jnp.asarray, solver)
        self._program = jitted_solve.lower(
            problem, self._solver, jax.random.key(0), _steps(1), None, IMPLICIT
        ).compile()

    def __call__(self, problem: Any, *, max_steps: int = 1000, key: Key[Array, ""] | None = None) -> Solution[Any]:
        """`rc.solve` of the problem.

        **Raises:** `ValueError` for a problem of another kind, or other shapes or dtypes, than was compiled for.
        """
        require_steps("solve", "max_steps", max_steps)
        key = jax.random.key(0) if key is None else key
        require_key("solve", "key", key)
        problem = jtu.tree_map(_as_array, problem)
        kind = _kind(problem)
        if kind != self._kind:
            raise ValueError(
                f"compile: this solve takes a problem with arrays of {', '.join(self._kind[1])}, and not "
                f"of {', '.join(kind[1])}, or with other static fields; compile another one."
            )
        return self._program(problem, self._solver, key, _steps(max_steps), None, IMPLICIT)


def compile(problem_like: Any, solver: AbstractSolver[Any, Any]) -> CompiledSolve:  # noqa: A001
    """Compiles `rc.solve` ahead for problems like one, of which only kind, shapes and dtypes count.

    **Arguments:**

    - `problem_like`: a problem, or one whose arrays are `jax.ShapeDtypeStruct`, as `jax.eval_shape` returns it.
    - `solver`: as for `rc.solve`, with its numbers.

    **Returns:** a function of a problem, with `max_steps` and `key` of `rc.solve`. It never compiles again: other shapes are refused.

    **Raises:** `TypeError` for what is no solver, or no problem that it takes; `ValueError` for several numbers in a field of one.
    """
    require_solver("compile", solver)
    require_problem("compile: `problem_like`", problem_like, solver)
    require_scalars("compile", solver)
    require_leaves("compile", solver)
    return CompiledSolve(problem_like, solver)


def _steps(count: int) -> Array:
    return jnp.asarray(count, jnp.int32)


def _as_array(leaf):
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jnp.zeros(leaf.shape, leaf.dtype)
    return jnp.asarray(leaf) if eqx.is_array_like(leaf) else leaf


def _kind(problem: PyTree):
    leaves, structure = jtu.tree_flatten(problem)
    return structure, tuple(f"{leaf.dtype}{list(leaf.shape)}" for leaf in leaves if hasattr(leaf, "dtype"))
