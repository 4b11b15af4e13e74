"""A smooth loss plus a penalty, over any pytree."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.flatten_util as jfu
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PyTree

from ..core.data import shown
from ..core.leaves import cast_floating, floating_dtype
from ..core.problem import AbstractLossProblem
from ..core.products import full_products
from ..scalar.proximable import AbstractArrayPenalty, AbstractProximable

__all__ = ["CompositeProblem"]


class CompositeProblem(AbstractLossProblem):
    r"""$\min_v f(v) + p(v)$ over pytrees $v$ of real arrays, with a smooth $f$ and a penalty or constraint $p$.

    For `ISTA`, `FISTA` and `ProximalGradient`, without a penalty of their own. Where $p$ is a constraint their steps are projected
    gradient.
    """

    loss: Callable[[PyTree], Array]
    penalty: PyTree
    start: PyTree

    def __init__(self, loss, penalty=None, *, start):
        """**Arguments:**

        - `loss`: $f$, a function of a pytree like `start` with a real number for its value, that JAX differentiates twice. Arrays
          that a module or an `equinox.Partial` holds are data: other values are the same program. A function is static: itself
          where it closes over no arrays, so that problems of the same function share a program; else as it is traced here, with
          the arrays that it closes over as data, and then every problem is a program of its own.
        - `penalty`: $p$, any of `recover.penalties`, your own `AbstractProximable`, or `None`; or a pytree of these that is a
          prefix of `start`, one for every part. A penalty of an array that stands for a part of several is that of each, summed.
        - `start`: where solvers start, of the structure and the dtypes of the answer; integers are taken as reals.

        **Raises:** `TypeError` for a loss that is no function, a penalty without a proximal map, or a start that is complex or no
        numbers; `ValueError` for a loss whose value is no single real number, or penalties of another structure than the start's.
        """
        if not callable(loss):
            raise TypeError(f"CompositeProblem: `loss` is {shown(loss)}; a function of the unknown is allowed.")
        self.start = jtu.tree_map(_as_real, start)
        dtype = floating_dtype(self.start)
        for each in jtu.tree_leaves(penalty, is_leaf=_is_penalty):
            if not _is_penalty(each):
                raise TypeError(
                    f"CompositeProblem: `penalty` is {shown(each)}; one of `recover.penalties` is allowed, for instance "
                    "`rc.penalties.L1(0.1)`, or an `AbstractProximable` of your own."
                )
        self.penalty = cast_floating(penalty, dtype)
        value = jax.eval_shape(loss, self.start)
        if getattr(value, "shape", None) != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ValueError(f"CompositeProblem: `loss` returns {value}; one real number is allowed.")
        self.loss = _held(loss, self.start)
        try:
            self._parts(lambda penalty, part: part, self.start)
        except ValueError as problem:
            raise ValueError(f"CompositeProblem: `penalty` is no prefix of `start`: {problem}") from None

    def flat(self) -> tuple[Float[Array, " size"], Callable[[Array], PyTree]]:
        """The start as one vector, and what makes a pytree of a vector."""
        return jfu.ravel_pytree(self.start)

    def smooth(self, x: Float[Array, " size"]) -> Float[Array, ""]:
        """The loss of a vector."""
        flat, unravel = self.flat()
        return self.loss(unravel(x)).astype(flat.dtype)

    def penalised(self, x: Float[Array, " size"]) -> Float[Array, ""]:
        """The penalty of a vector."""
        flat, unravel = self.flat()
        total = jnp.zeros((), flat.dtype)
        for value in jtu.tree_leaves(self._parts(_value, unravel(x))):
            total = total + value.astype(flat.dtype)
        return total

    def proximal(self, v: Float[Array, " size"], step: ArrayLike) -> Float[Array, " size"]:
        """The proximal map of the penalty at a vector."""
        _, unravel = self.flat()

        def part(penalty, part):
            return part if penalty is None else _each(lambda leaf: penalty.proximal(leaf, step), penalty, part)

        return jfu.ravel_pytree(self._parts(part, unravel(v)))[0]

    def _parts(self, function: Callable, tree: PyTree) -> PyTree:
        """A function of every penalty and of the part that it stands for."""
        return jtu.tree_map(function, self.penalty, tree, is_leaf=_is_penalty)


class Loss(eqx.Module):
    """A function and the arrays that it closes over."""

    function: Callable = eqx.field(static=True)
    arrays: list[Array]

    def __call__(self, unknown: PyTree) -> Array:
        return self.function(self.arrays, unknown)


class ModuleLoss(eqx.Module):
    """A module as its arrays, which are data, and the rest, so that problems of a list or a batch can be stacked."""

    arrays: eqx.Module
    rest: eqx.Module = eqx.field(static=True)

    def __call__(self, unknown: PyTree) -> Array:
        return eqx.combine(self.arrays, self.rest)(unknown)


class PlainLoss(eqx.Module):
    """A function that closes over no arrays."""

    function: Callable = eqx.field(static=True)

    def __call__(self, unknown: PyTree) -> Array:
        return self.function(unknown)


def _held(loss: Callable, start: PyTree) -> Callable:
    """A loss as a module whose arrays are its data."""
    if isinstance(loss, Loss | ModuleLoss | PlainLoss):
        return loss
    if isinstance(loss, eqx.Module):
        return ModuleLoss(*eqx.partition(loss, lambda leaf: isinstance(leaf, jax.Array | np.ndarray)))
    with full_products():
        closed = jax.make_jaxpr(loss)(start)
    if not closed.consts:
        return PlainLoss(loss)

    def function(arrays, unknown):
        (value,) = jax.core.eval_jaxpr(closed.jaxpr, arrays, *jtu.tree_leaves(unknown))
        return value

    return Loss(function, [jnp.asarray(each) for each in closed.consts])


def _as_real(value):
    kind = jnp.result_type(value) if eqx.is_array_like(value) else None
    if kind is None or jnp.issubdtype(kind, jnp.complexfloating):
        raise TypeError(f"CompositeProblem: `start` has {shown(value)}; a pytree of real arrays is allowed.")
    return jnp.asarray(value, kind if jnp.issubdtype(kind, jnp.floating) else float)


def _is_penalty(value) -> bool:
    return value is None or isinstance(value, AbstractProximable)


def _value(penalty: AbstractProximable | None, part: PyTree) -> PyTree:
    return () if penalty is None else _each(penalty.value, penalty, part)


def _each(function: Callable, penalty: AbstractProximable, part: PyTree) -> PyTree:
    return jtu.tree_map(function, part) if isinstance(penalty, AbstractArrayPenalty) else function(part)
