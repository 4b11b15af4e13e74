"""What a queue's solves share, what each has of its own, and which of that a step changes.

A queue holds its places as arrays with a leading axis. An array that all solves share (a design) must not be among them,
or products with it were no matrix products; one that no step changes (observations) need not pass through the loop. Neither
is declared by anybody: both are read off a trace.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Int, PyTree

from ..core.solve import Carry, judge, step
from ..core.solver import AbstractSolver
from ..core.units import Posed, Units


class Occupant(eqx.Module):
    """A solve in a slot: the problem, the truth its answer will be compared with, and how far the solver has come.

    Problem and solver are in natural units, the truth is in those of the problem as it was posed.
    """

    problem: PyTree
    truth: PyTree
    solver: AbstractSolver
    carry: Carry
    units: Units | None = None

    @property
    def posed(self) -> Posed:
        """The problem, the solver and their units."""
        return Posed(self.problem, self.solver, self.units)


class Own(eqx.Module):
    """What slots do not share: arrays that steps leave as they are, and arrays that steps change."""

    fixed: list
    moving: list


class Split:
    """Which arrays of an occupant all slots share, which are a slot's own, and which of these a step changes."""

    def __init__(self, begin: Callable[[Int[Array, ""]], Occupant]):
        depends, occupant = _dependence(begin)
        shapes, self._static = eqx.partition(occupant, _is_shape)
        shapes, self._structure = jtu.tree_flatten(shapes)
        changes = _changes(occupant)
        moving = {i for i, change in enumerate(changes) if change}
        self._moving = sorted(moving)
        self._fixed = [i for i, own in enumerate(depends) if own and i not in moving]
        shared = [i for i, own in enumerate(depends) if not own and i not in moving]
        self.shapes = Own([shapes[i] for i in self._fixed], [shapes[i] for i in self._moving])
        # What is shared is made once, outside of all loops.
        leaves = _arrays(begin(jnp.zeros((), jnp.int32))) if shared else []
        self._shared = {i: leaves[i] for i in shared}

    def own(self, occupant: Occupant) -> Own:
        """A slot's own arrays of an occupant."""
        leaves = _arrays(occupant)
        return Own([leaves[i] for i in self._fixed], [leaves[i] for i in self._moving])

    def join(self, own: Own) -> Occupant:
        """The occupant of a slot."""
        leaves = self._shared | dict(zip(self._fixed + self._moving, own.fixed + own.moving, strict=True))
        return eqx.combine(jtu.tree_unflatten(self._structure, [leaves[i] for i in range(len(leaves))]), self._static)


def _arrays(occupant: Occupant) -> list:
    return jtu.tree_leaves(eqx.filter(occupant, eqx.is_array))


def _is_shape(leaf) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)


def stepped(occupant: Occupant) -> Occupant:
    """The occupant after one more step."""
    return _with(occupant, step(occupant.problem, occupant.solver, occupant.carry))


def judged(occupant: Occupant, budget: Int[Array, ""]) -> Occupant:
    """The occupant after its certificate was asked for, if it is at rest."""
    return _with(occupant, judge(occupant.problem, occupant.solver, occupant.carry, budget))


def _with(occupant: Occupant, carry: Carry) -> Occupant:
    return Occupant(occupant.problem, occupant.truth, occupant.solver, carry, occupant.units)


def _dependence(begin) -> tuple[list[bool], Occupant]:
    """Whether each array that `begin` makes depends on the item, as batching finds; and the occupant with shapes for arrays."""
    depends: list[bool] = []
    occupants: list[Occupant] = []

    @jax.custom_batching.custom_vmap
    def probe(leaves):
        return leaves

    @probe.def_vmap
    def _(axis_size, in_batched, leaves):
        depends.extend(in_batched[0])
        return leaves, in_batched[0]

    def probed(item):
        occupant = begin(item)
        to_shape = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if eqx.is_array(leaf) else leaf  # noqa: E731
        occupants.append(jtu.tree_map(to_shape, occupant))
        return probe(_arrays(occupant))

    jax.eval_shape(jax.vmap(probed), jax.ShapeDtypeStruct((2,), jnp.int32))
    return depends, occupants[0]


def _changes(occupant: Occupant) -> list[bool]:
    """Whether a step, or being judged, changes each array: those it passes on are the very same object in the trace."""
    changes: list[bool] = []
    shapes, static = eqx.partition(occupant, _is_shape)

    def traced(shapes):
        before = eqx.combine(shapes, static)
        after = judged(stepped(before), jnp.zeros((), jnp.int32))
        changes.extend(new is not old for new, old in zip(_arrays(after), _arrays(before), strict=True))
        return ()

    jax.eval_shape(traced, shapes)
    return changes
