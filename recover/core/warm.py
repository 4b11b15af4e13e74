"""Where a solve starts from: an estimate, or the state in which an earlier solve of the same problem ended."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Key, PyTree

from .data import shown
from .units import Posed


class Estimate(eqx.Module):
    """An estimate to start from, in the units of the problem as it is given; anything else to start from is a state."""

    value: PyTree


def started(posed: Posed, key: Key[Array, ""], init: PyTree | None) -> PyTree | None:
    """The state to start from, in the units of `posed`; `None` where there is nothing to start from.

    **Raises:** `TypeError` naming a solver that cannot start from an estimate, or for what is no array; `ValueError` for an
    estimate or a state of other shapes than the solver's own.
    """
    if init is None:
        return None
    problem, solver, name = posed.problem, posed.solver, type(posed.solver).__name__
    own = eqx.filter_eval_shape(solver.init, problem, key)
    if not isinstance(init, Estimate):
        if _described(init) != _described(own):
            raise ValueError(
                f"solve: `init` is a solution whose state is {_said(init)}; that of {name} is {_said(own)}. A solution of the "
                "same solver and of data of the same shapes is allowed, or the value of one."
            )
        return init
    expected = eqx.filter_eval_shape(lambda state: posed.restored(solver.estimate(problem, state)), own)
    value = posed.natural(_like(init.value, expected, name))
    state = solver.warm(problem, key, value)
    if state is None:
        raise TypeError(
            f"solve: `init` is an estimate, but {name} cannot start from one: it has no `warm`. A solution of it is allowed."
        )
    return state


def _like(value: PyTree, expected: PyTree, name: str) -> PyTree:
    """The value as arrays of the shapes and dtypes of an estimate."""
    try:
        arrays = jtu.tree_map(jnp.asarray, value)
    except (TypeError, ValueError):
        raise TypeError(
            f"solve: `init` is {shown(value)}; a solution, or an estimate as {name} returns it, is allowed."
        ) from None
    shapes = [(jtu.tree_structure(tree), [leaf.shape for leaf in jtu.tree_leaves(tree)]) for tree in (arrays, expected)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"solve: `init` is {_said(arrays)}; an estimate of {name} is {_said(expected)}.")
    return jtu.tree_map(lambda leaf, like: leaf.astype(like.dtype), arrays, expected)


def _described(tree: PyTree):
    leaves, structure = jtu.tree_flatten(eqx.filter(tree, _has_shape))
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def _has_shape(leaf) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def _said(tree: PyTree) -> str:
    shapes = [f"{leaf.dtype}{list(leaf.shape)}" for leaf in jtu.tree_leaves(eqx.filter(tree, _has_shape))]
    return f"of {len(shapes)} array{'' if len(shapes) == 1 else 's'}, {', '.join(shapes[:4])}{', ...' if len(shapes) > 4 else ''}"
