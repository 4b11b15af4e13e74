"""Many solves side by side, without waiting for the slowest.

Under `vmap` a while loop runs until its last lane ends, and lanes that ended long ago are computed along. Here a queue of
solves passes through a fixed number of slots: slots step together; as soon as enough of them have come to rest, their
rows are written and the next solves of the queue take their place; when the queue is empty, the last running solves are
gathered into fewer slots. All shapes are static, so the whole queue is one compiled program.
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Bool, Int, PyTree

from .split import Occupant, Own, Split, judged, stepped


@dataclasses.dataclass(frozen=True)
class Slots:
    """How a queue is worked off.

    - `width`: solves side by side.
    - `exchange`: how many of them must have come to rest before their places are given to others.
    - `tail`: slots for the last running solves, once the queue is empty.
    - `stride`: steps between two looks at who has come to rest. Who has takes none meanwhile, so no row depends on it.
    """

    width: int
    exchange: int
    tail: int
    stride: int = 1

    @staticmethod
    def of(width: int, stride: int = 1) -> "Slots":
        """An eighth of the slots at rest costs a sixteenth of the work on average, and keeps exchanges rare."""
        return Slots(width, max(1, width // 8), max(1, width // 8), stride)


class _Occupancy(eqx.Module):
    own: Own
    item: Int[Array, " slots"]
    following: Int[Array, ""]
    rows: PyTree


def work_off(
    capacity: int,
    count: Int[Array, ""],
    begin: Callable[[Int[Array, ""]], Occupant],
    finish: Callable[[Int[Array, ""], Occupant], PyTree],
    max_steps: Int[Array, ""],
    slots: Slots,
) -> PyTree:
    """Begins, steps and finishes solves 0 ... count - 1; returns what `finish` returned, stacked along an axis of `capacity`.

    What `begin` makes independently of the item (a design that all share) exists once, so products with it are matrix
    products over all slots.
    """
    split = Split(begin)

    def running(own: Own, item) -> Bool[Array, " slots"]:
        return jax.vmap(lambda own: split.join(own).carry.running(max_steps))(own) & (item < count)

    def advance(own: Own, item: Int[Array, " slots"], least: Int[Array, ""]) -> Own:
        """Steps until at most `least` solves are running."""

        def one(fixed, moving, here):
            occupant = split.join(Own(fixed, moving))
            active = occupant.carry.running(max_steps) & here
            after = split.own(stepped(occupant)).moving
            return [jnp.where(active, new, old) for new, old in zip(after, moving, strict=True)]

        def body(moving):
            def together(moving):
                return jax.vmap(one)(own.fixed, moving, item < count)

            return jax.lax.fori_loop(0, slots.stride, lambda _, moving: together(moving), moving)

        def more(moving):
            return jnp.sum(running(Own(own.fixed, moving), item), dtype=jnp.int32) > least

        return Own(own.fixed, jax.lax.while_loop(more, body, own.moving))

    def finish_slowest(own: Own, item: Int[Array, " slots"]) -> Own:
        """Steps the last running solves to their end, gathered into `slots.tail` places."""
        chosen = jnp.nonzero(running(own, item), size=slots.tail, fill_value=slots.width)[0]
        gathered = jtu.tree_map(lambda leaf: leaf.at[chosen].get(mode="clip"), own)
        gathered = advance(gathered, item.at[chosen].get(mode="fill", fill_value=capacity), jnp.zeros((), jnp.int32))
        return Own(own.fixed, _put(own.moving, chosen, gathered.moving))

    def exchange(state: _Occupancy) -> _Occupancy:
        """Writes the rows of solves at rest and gives their places to the next ones."""
        # Empty places are only of interest as long as there is something to put there.
        free = ~running(state.own, state.item) & ((state.item < count) | (state.following < count))
        chosen = jnp.nonzero(free, size=slots.exchange, fill_value=slots.width)[0]
        of = state.item.at[chosen].get(mode="fill", fill_value=capacity)
        leaving = jtu.tree_map(lambda leaf: leaf.at[chosen].get(mode="clip"), state.own)
        leaving = Own(
            leaving.fixed, jax.vmap(lambda own: split.own(judged(split.join(own), max_steps)).moving)(leaving)
        )
        own = Own(state.own.fixed, _put(state.own.moving, chosen, leaving.moving))
        # Those whose certificate does not hold go on, where they are.
        goes = ~running(leaving, of)
        chosen, of = jnp.where(goes, chosen, slots.width), jnp.where(goes, of, count)
        rows = jax.vmap(lambda item, own: finish(item, split.join(own)))(jnp.minimum(of, count - 1), leaving)
        found = chosen < slots.width
        arriving = jnp.minimum(state.following + jnp.cumsum(found, dtype=jnp.int32) - 1, count)
        own = jax.lax.cond(
            state.following < count,
            lambda own: _put(own, chosen, jax.vmap(lambda i: split.own(begin(i)))(jnp.minimum(arriving, count - 1))),
            lambda own: own,
            own,
        )
        return _Occupancy(
            own=own,
            item=state.item.at[chosen].set(arriving, mode="drop"),
            following=jnp.minimum(state.following + jnp.sum(found, dtype=jnp.int32), count),
            rows=_put(state.rows, jnp.where(of < count, of, capacity), rows),
        )

    def turn(state: _Occupancy) -> _Occupancy:
        waiting = state.following < count
        least = jnp.where(waiting, slots.width - slots.exchange, slots.tail)
        own = advance(state.own, state.item, least)
        own = jax.lax.cond(waiting, lambda own: own, lambda own: finish_slowest(own, state.item), own)
        return exchange(_Occupancy(own, state.item, state.following, state.rows))

    count = jnp.asarray(count, jnp.int32)
    first = jnp.zeros((), jnp.int32)
    row = eqx.filter_eval_shape(lambda: finish(first, begin(first)))
    state = _Occupancy(
        own=jtu.tree_map(lambda leaf: _blank((slots.width, *leaf.shape), leaf.dtype), split.shapes),
        item=jnp.full(slots.width, capacity, jnp.int32),
        following=first,
        rows=jtu.tree_map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row),
    )
    state = jax.lax.while_loop(lambda state: (state.following < count) | jnp.any(state.item < count), turn, state)
    return state.rows


def _put(arrays: PyTree, at: Int[Array, " some"], values: PyTree) -> PyTree:
    """Arrays with rows replaced; positions past the end are dropped."""
    return jtu.tree_map(lambda array, value: array.at[at].set(value, mode="drop"), arrays, values)


def _blank(shape: tuple[int, ...], dtype) -> Array:
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), shape)
    return jnp.zeros(shape, dtype)
