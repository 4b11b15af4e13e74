"""Trees of communities as sequences of merges: cutting, distances, inversions, average linkage."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core.numbers import ratio

__all__ = ["Dendrogram"]

# Similarities that agree to this share are equal: weights that are not integers are rounded.
_TIE = 1e-5


class Dendrogram(eqx.Module):
    """A partition of nodes into leaves, and the order in which leaves are merged into larger communities.

    - `labels`: the leaf of every node, a number below the capacity C of leaves; zero for padded nodes.
    - `merges`: pairs of leaves, shape (C - 1, 2): the community that holds the second is absorbed by that of the first.
    - `similarities`: the density of edges between the two at each merge.
    - `leaves`: how many leaves there are; only the first `leaves` - 1 merges count, the others are zeros.
    """

    labels: Int[Array, " nodes"]
    merges: Int[Array, "merges 2"]
    similarities: Float[Array, " merges"]
    leaves: Int[Array, ""]

    @property
    def capacity(self) -> int:
        """Largest possible number of leaves (static)."""
        return self.merges.shape[0] + 1

    def groups(self, counts: Int[Array, " cuts"]) -> Int[Array, "cuts capacity"]:
        """The community of every leaf once `counts` communities are left, named by one of its leaves.

        Where there are fewer leaves than that, every leaf is its own.
        """

        def merge(groups, entry):
            pair, active = entry
            groups = jnp.where((groups == pair[1]) & active, pair[0], groups)
            return groups, groups

        start = jnp.arange(self.capacity, dtype=jnp.int32)
        _, later = jax.lax.scan(merge, start, (self.merges, self._active))
        after = jnp.concatenate([start[None], later])
        return after[jnp.clip(self.leaves - counts, 0, self.capacity - 1)]

    def cut(self, count) -> Int[Array, " nodes"]:
        """The community of every node once `count` communities are left."""
        counts = jnp.asarray(count, jnp.int32)[None]
        return self.groups(counts)[0][self.labels]

    @property
    def distances(self) -> Float[Array, "capacity capacity"]:
        """Edges on the path between every two leaves of the binary tree; zero where there is no leaf."""

        def merge(carry, entry):
            groups, heights, distances = carry
            pair, active = entry
            first, second = groups == pair[0], groups == pair[1]
            across = (first[:, None] & second[None, :]) | (second[:, None] & first[None, :])
            distances = jnp.where(across & active, heights[:, None] + heights[None, :] + 2, distances)
            heights = jnp.where((first | second) & active, heights + 1, heights)
            groups = jnp.where(second & active, pair[0], groups)
            return (groups, heights, distances), None

        size, dtype = self.capacity, self.similarities.dtype
        start = (jnp.arange(size, dtype=jnp.int32), jnp.zeros(size, dtype), jnp.zeros((size, size), dtype))
        return jax.lax.scan(merge, start, (self.merges, self._active))[0][2]

    @property
    def inversions(self) -> Int[Array, ""]:
        """Internal edges along which the density of the cut is smaller at the child than at its parent."""

        def merge(carry, entry):
            inside, count = carry
            pair, similarity, active = entry
            below = jnp.stack([inside[pair[0]], inside[pair[1]]])
            wrong = jnp.sum(below < (1 - _TIE) * similarity, dtype=jnp.int32)
            inside = inside.at[pair[0]].set(jnp.where(active, similarity, inside[pair[0]]))
            return (inside, jnp.where(active, count + wrong, count)), None

        start = (jnp.full(self.capacity, jnp.inf, self.similarities.dtype), jnp.zeros((), jnp.int32))
        return jax.lax.scan(merge, start, (self.merges, self.similarities, self._active))[0][1]

    @property
    def _active(self) -> Bool[Array, " merges"]:
        return jnp.arange(self.capacity - 1, dtype=jnp.int32) < self.leaves - 1


def average_linkage(
    edges: Float[Array, "capacity capacity"], sizes: Float[Array, " capacity"], labels: Int[Array, " nodes"]
) -> Dendrogram:
    r"""Merges the two communities of largest edge density until one is left.

    $$\mathrm{sim}(a, b) = \frac{E_{ab}}{s_a s_b}, \qquad E_{(ab)c} = E_{ac} + E_{bc}, \quad s_{(ab)} = s_a + s_b .$$

    The density towards a merged community is a weighted mean of those towards its parts, so similarities never grow from
    one merge to the next: there are no inversions.

    **Arguments:**

    - `edges`: total weight of the edges between every two communities; the diagonal is not used.
    - `sizes`: numbers of nodes; zero where there is no community.
    - `labels`: the community of every node, kept in the answer.
    """
    size = sizes.shape[0]
    upper = jnp.triu(jnp.ones((size, size), bool), 1)
    leaves = jnp.sum(sizes > 0, dtype=jnp.int32)

    def merge(carry, _):
        edges, sizes = carry
        alive = sizes > 0
        pairs = upper & alive[:, None] & alive[None, :]
        similarity = ratio(edges, jnp.where(pairs, sizes[:, None] * sizes[None, :], 0), -jnp.inf)
        best = jnp.argmax(similarity.reshape(-1)).astype(jnp.int32)
        first, second = best // size, best % size
        active = jnp.any(pairs)
        value = jnp.where(active, similarity[first, second], 0)
        joined = edges.at[first].add(edges[second])
        joined = joined.at[:, first].add(joined[:, second])
        grown = sizes.at[first].add(sizes[second]).at[second].set(0)
        carry = (jnp.where(active, joined, edges), jnp.where(active, grown, sizes))
        return carry, (jnp.where(active, jnp.stack([first, second]), 0), value)

    _, (merges, similarities) = jax.lax.scan(merge, (edges, sizes), None, length=size - 1)
    return Dendrogram(labels, merges, similarities, leaves)
