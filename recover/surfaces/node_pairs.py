r"""Multipliers of all pairs of nodes, one for each cell and axis, and what they add up to at the nodes.

Of $S + 1$ nodes, $S$ even, the pair of the nodes $i$ and $(i + r) \bmod (S + 1)$, $r = 1, \dots, S/2$, is kept with $i$: every
pair appears once and no entry is wasted. Axes are apart, since XLA does not vectorise over an array in which they are together.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.row_slices import put_row, put_rows, take_row, take_rows

# On a CPU so many cells are taken at a time that the rows of a node fit into the second level of the cache.
_BLOCK = 512
_REGISTER = 16

Multipliers = tuple[Float[Array, "blocks nodes pairs cells_of_block"], ...]
AtNodes = tuple[Float[Array, "nodes cells"], ...]


def blocks(cells: int) -> tuple[int, int]:
    """How many blocks the cells are split into, and how long one is: whole vector registers, so that rows start at one."""
    number = -(-cells // _BLOCK) if jax.default_backend() == "cpu" else 1
    return number, -(-cells // (number * _REGISTER)) * _REGISTER


def zeros(levels: int, axes: int, cells: int, dtype) -> Multipliers:
    """No forces."""
    number, length = blocks(cells)
    return tuple(jnp.zeros((number, levels + 1, levels // 2, length), dtype) for _ in range(axes))


def distances(levels: int) -> np.ndarray:
    """How many levels are between the nodes of a pair. [nodes, pairs]"""
    nodes = np.arange(levels + 1)
    ahead = nodes[:, None] + np.arange(1, levels // 2 + 1)
    return np.abs(ahead % (levels + 1) - nodes[:, None])


def shrink(
    multipliers: Multipliers, sums: AtNodes, steps: Float[Array, "nodes pairs"], bound: Float[Array, ""]
) -> tuple[Multipliers, AtNodes]:
    r"""Every multiplier moves by the difference of the sums at its nodes and is shrunk, over axes together:

    $$\mu_{ij} \leftarrow m \max(1 - \tau_{ij} b / |m|, 0), \qquad m = \mu_{ij} - \tau_{ij} (P_j - P_i).$$

    Returns the multipliers and, at each node $k$, $\sum_i \mu_{ik} - \sum_j \mu_{kj}$, with the order of a pair as it is kept.
    """
    number, nodes, pairs, length = multipliers[0].shape
    tiny = jnp.finfo(steps.dtype).tiny

    def one_block(block, carry):
        multipliers, tension = carry
        here = [jax.lax.dynamic_slice_in_dim(part, block * length, length, 1) for part in sums]
        # Some nodes twice, so that the cyclic neighbours ahead are a slice.
        around = [jnp.concatenate([part, part[:pairs]]) for part in here]

        def move(multipliers, node):
            step = take_row(steps, node)[:, None]
            moved = [
                take_row(kept, block, node) - step * (take_rows(part, node + 1, pairs) - take_rows(part, node, 1))
                for kept, part in zip(multipliers, around, strict=True)
            ]
            inverse_norm = jax.lax.rsqrt(jnp.maximum(sum(part * part for part in moved), tiny))
            scale = jnp.maximum(1 - step * bound * inverse_norm, 0)
            return tuple(
                put_row(kept, part * scale, block, node) for kept, part in zip(multipliers, moved, strict=True)
            )

        def add_up(multipliers, arriving, leaving, node):
            rows = [take_row(kept, block, node) for kept in multipliers]
            arriving = [
                put_rows(total, take_rows(total, node + 1, pairs) + row, node + 1)
                for total, row in zip(arriving, rows, strict=True)
            ]
            # One by one: a reduction would be a kernel of its own.
            leaving = [put_row(total, sum(row[1:], row[0]), node) for total, row in zip(leaving, rows, strict=True)]
            return arriving, leaving

        def one_node(node, carry):
            multipliers, arriving, leaving = carry
            multipliers = move(multipliers, node)
            # A turn later: of rows written in this turn, XLA would keep a copy of the whole array.
            return multipliers, *add_up(multipliers, arriving, leaving, node - 1)

        arriving, leaving = [jnp.zeros_like(part) for part in around], [jnp.zeros_like(part) for part in here]
        start = (move(multipliers, 0), arriving, leaving)
        multipliers, arriving, leaving = jax.lax.fori_loop(1, nodes, one_node, start)
        arriving, leaving = add_up(multipliers, arriving, leaving, nodes - 1)
        found = [into[:nodes].at[:pairs].add(into[nodes:]) - out for into, out in zip(arriving, leaving, strict=True)]
        tension = tuple(
            jax.lax.dynamic_update_slice_in_dim(total, part, block * length, 1)
            for total, part in zip(tension, found, strict=True)
        )
        return multipliers, tension

    start = (multipliers, tuple(jnp.zeros_like(part) for part in sums))
    if number == 1:
        return one_block(0, start)
    return jax.lax.fori_loop(0, number, one_block, start)
