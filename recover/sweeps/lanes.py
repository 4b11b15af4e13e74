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

# Numbers of an array in a place from which on it is written in place.
_LARGE = 1 << 14


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
    written: Int[Array, ""]
    rows: PyTree


def work_off(
    capacity: int,
    count: Int[Array, ""],
    begin: Callable[[Int[Array, ""]], Occupant],
    finish: Callable[[Int[Array, ""], Occupant], PyTree],
    max_steps: Int[Array, ""],
    slots: Slots,
    order: Int[Array, " capacity"] | None = None,
) -> PyTree:
    """Begins, steps and finishes solves 0 ... count - 1; returns what `finish` returned, stacked along an axis of `capacity`.

    Solves begin in the given `order`, a permutation that leaves those from `count` on last.

    What `begin` makes independently of the item (a design that all share) exists once, so products with it are matrix
    products over all slots.
    """
    split = Split(begin)
    turns = jnp.arange(capacity, dtype=jnp.int32) if order is None else order

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
        chosen = _First.of(running(own, item), slots.tail)
        gathered = advance(chosen.take(own), jnp.where(chosen.found, chosen.take(item), capacity), nothing)
        return Own(own.fixed, chosen.put(own.moving, gathered.moving))

    def exchange(state: _Occupancy) -> _Occupancy:
        """Writes the rows of solves at rest and gives their places to the next ones."""
        # Empty places are only of interest as long as there is something to put there.
        waiting = state.following < count
        chosen = _First.of(~running(state.own, state.item) & ((state.item < count) | waiting), slots.exchange)
        of = jnp.where(chosen.found, chosen.take(state.item), count)
        leaving = chosen.take(state.own)
        leaving = Own(
            leaving.fixed, jax.vmap(lambda own: split.own(judged(split.join(own), max_steps)).moving)(leaving)
        )
        # Those whose certificate does not hold go on, where they are.
        goes = chosen.found & ~running(leaving, of)
        rows = jax.vmap(lambda item, own: finish(item, split.join(own)))(jnp.minimum(of, count - 1), leaving)
        departed = _First.of(goes & (of < count), slots.exchange)
        arriving = jnp.minimum(state.following + _before(goes), count)
        fresh = jax.lax.cond(
            waiting,
            lambda: jax.vmap(lambda place: split.own(begin(turns[place])))(jnp.minimum(arriving, count - 1)),
            lambda: blank(slots.exchange),
        )
        moving = chosen.put(state.own.moving, leaving.moving)
        entered = chosen.of_these(goes & waiting)
        return _Occupancy(
            own=Own(entered.put(state.own.fixed, fresh.fixed), entered.put(moving, fresh.moving)),
            item=chosen.of_these(goes).put(state.item, arriving),
            following=jnp.minimum(state.following + jnp.sum(goes, dtype=jnp.int32), count),
            written=state.written + jnp.sum(departed.found, dtype=jnp.int32),
            rows=jtu.tree_map(
                lambda written, row: jax.lax.dynamic_update_slice_in_dim(written, row, state.written, 0),
                state.rows,
                departed.take((of, rows)),
            ),
        )

    def turn(state: _Occupancy) -> _Occupancy:
        waiting = state.following < count
        least = jnp.where(waiting, slots.width - slots.exchange, slots.tail)
        own = advance(state.own, state.item, least)
        own = jax.lax.cond(waiting, lambda own: own, lambda own: finish_slowest(own, state.item), own)
        return exchange(dataclasses.replace(state, own=own))

    def blank(places: int) -> Own:
        return jtu.tree_map(lambda leaf: _blank((places, *leaf.shape), leaf.dtype), split.shapes)

    count, nothing = jnp.asarray(count, jnp.int32), jnp.zeros((), jnp.int32)
    row = eqx.filter_eval_shape(lambda: (nothing, finish(nothing, begin(nothing))))
    state = _Occupancy(
        own=blank(slots.width),
        item=jnp.full(slots.width, capacity, jnp.int32),
        following=nothing,
        written=nothing,
        rows=jtu.tree_map(lambda leaf: jnp.zeros((capacity + slots.exchange, *leaf.shape), leaf.dtype), row),
    )
    state = jax.lax.while_loop(lambda state: (state.following < count) | jnp.any(state.item < count), turn, state)
    # Rows were written as solves ended; after those of `count` solves there is nothing.
    places, rows = state.rows
    number = jnp.arange(places.size, dtype=jnp.int32)
    ended = jnp.where(number < count, turns[jnp.minimum(places, capacity - 1)], capacity)
    at = jnp.full(capacity, places.size, jnp.int32).at[ended].set(number, mode="drop")
    return jtu.tree_map(lambda leaf: leaf.at[at].get(mode="fill", fill_value=0), rows)


class _First(eqx.Module):
    """The first few places of a mask, and what is put there.

    - `rank`: of every place, its number among those of the mask; of others, past the last.
    - `at`: the chosen places; the first where there are too few.
    - `found`: which of these are any.
    """

    rank: Int[Array, " places"]
    at: Int[Array, " chosen"]
    found: Bool[Array, " chosen"]

    @staticmethod
    def of(mask: Bool[Array, " places"], most: int) -> "_First":
        """At most so many places."""
        rank = jnp.where(mask, _before(mask), mask.size)
        number = jnp.arange(most, dtype=jnp.int32)
        # Compared all with all, which is less to compile than `nonzero`, and as fast for so few.
        same = rank[None, :] == number[:, None]
        return _First(
            rank, jnp.sum(jnp.where(same, jnp.arange(mask.size, dtype=jnp.int32)[None, :], 0), 1), jnp.any(same, 1)
        )

    def of_these(self, mask: Bool[Array, " chosen"]) -> "_First":
        """Those of the chosen places that a mask leaves."""
        here = mask & self.found
        kept = (self.rank < here.size) & here[jnp.minimum(self.rank, here.size - 1)]
        return _First(jnp.where(kept, self.rank, self.rank.size), self.at, here)

    def take(self, arrays: PyTree) -> PyTree:
        """Arrays at the chosen places."""
        return jtu.tree_map(lambda array: array[self.at], arrays)

    def put(self, arrays: PyTree, values: PyTree) -> PyTree:
        """Arrays with values at the chosen places.

        Small ones are chosen from everywhere, in one pass; a scatter would be a loop, and more to compile than a step. Large
        ones are written in place.
        """
        chosen = self.rank < self.at.size

        def put(array, value):
            if array.size > _LARGE * len(chosen):
                return array.at[jnp.where(self.found, self.at, len(chosen))].set(value, mode="drop")
            here = chosen.reshape(-1, *(1,) * (array.ndim - 1))
            return jnp.where(here, value[jnp.minimum(self.rank, len(value) - 1)], array)

        return jtu.tree_map(put, arrays, values)


def _before(mask: Bool[Array, " places"]) -> Int[Array, " places"]:
    """How many places of a mask stand before each place: compared all with all, which compiles in a tenth of the time of a running sum."""
    number = jnp.arange(mask.size, dtype=jnp.int32)
    return jnp.sum(mask[None, :] & (number[None, :] < number[:, None]), axis=1, dtype=jnp.int32)


def _blank(shape: tuple[int, ...], dtype) -> Array:
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), shape)
    return jnp.zeros(shape, dtype)
