"""Random graphs with planted communities within communities."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws, fields
from ..core.checks import is_number
from ..core.fields import Size, leaf
from ..core.matching import best_permutation
from ..core.metrics import correlation
from ..core.model import AbstractModel
from ..core.sizes import capacity, row_mask
from .dendrograms import Dendrogram
from .partitions import adjusted_mutual_information, confusion, matched_share
from .problem import GraphProblem
from .trees import check_tree, common_depths, leaf_count, tree_distances, tree_merges

__all__ = ["HierarchicalSBM"]

# A tree counts as recovered when its distances correlate with those of the planted one to this degree.
_SAME_TREE = 0.9999


class HierarchicalSBM(AbstractModel[Array, GraphProblem, Dendrogram]):
    r"""A graph whose edges grow more likely the deeper in a tree of communities their ends have a common ancestor.

    $$\mathbb{P}(A_{ij} = 1) = p_{d(z_i, z_j)}, \qquad p_0 < p_1 < \dots < p_L,$$

    independently, where $z_i$ is the finest community (leaf) of node $i$ and $d(a, b)$ the depth of the lowest common
    ancestor of two leaves, the depth of the leaf itself when they agree. Every unit of the tree (`recover.trees`) has
    `size` nodes. The tree, `size` and the densities are traced (trees of equal depth and units share a program).
    Nodes are dealt out to units in turn, so that a larger `size` adds nodes at the end.

    Truth and estimate are dendrograms; communities at any depth have no names, and children no order.

    Source: M. Dreveton, D. Kuroda, M. Grossglauser and P. Thiran, "When Does Bottom-up Beat Top-down in Hierarchical Community
    Detection?", arXiv:2306.00833 (dreveton2023, section 3.1).
    """

    tree: Int[Array, "levels units"]
    common: Int[Array, "units units"]
    distances: Float[Array, "units units"]
    merges: Int[Array, "merges 2"]
    counts: Int[Array, " depths"]
    size: Size = fields.size(1)
    densities: Float[Array, " levels"] = leaf(rule="closed probability")

    def __init__(self, tree, size, densities):
        r"""**Arguments:**

        - `tree`: the depth of a balanced binary tree, nested sequences such as `[[1, 1], [2, [1, 1]]]` (a number is a leaf of so
          many units), or a table from `recover.trees`.
        - `size`: number of nodes per unit.
        - `densities`: the probabilities $p_0, \dots, p_L$, one per depth from the root to the leaves.

        **Raises:** `ValueError` for something that is no tree, a size below 1, or densities that are no probabilities or
        not one per depth.
        """
        table = check_tree("HierarchicalSBM", tree)
        units = table.shape[1]
        leaves = leaf_count(table)
        distances = np.zeros((units, units))
        distances[:leaves, :leaves] = tree_distances(table)
        merges = np.zeros((units - 1, 2), np.int32)
        merges[: leaves - 1] = tree_merges(table)
        self.tree = table
        self.common = common_depths(table)
        self.distances = distances
        self.merges = merges
        self.counts = np.asarray([len(np.unique(row)) for row in table[1:]], np.int32)
        self.size = size
        self.densities = np.asarray(densities, float) if is_number(densities) else densities

    def check_together(self):
        """There is one density per depth."""
        levels = self.tree.shape[0]
        shape = getattr(self.densities, "shape", None)
        if shape != (levels,):
            raise ValueError(
                f"HierarchicalSBM: `densities` is {self.densities}; {levels} numbers, one per depth, are allowed."
            )

    @property
    def depth(self) -> int:
        """Depth L of the deepest leaves."""
        return self.tree.shape[0] - 1

    @property
    def units(self) -> int:
        """Units of the tree, and the most leaves it may have."""
        return self.tree.shape[1]

    @property
    def nodes(self) -> Int[Array, ""]:
        """Number of nodes of the graph."""
        return self.units * jnp.asarray(self.size)

    def design(self, key: Key[Array, ""]) -> Float[Array, "nodes nodes"]:
        """A symmetric matrix of uniform draws: graphs of a trial that share it have more edges where densities are larger."""
        return draws.symmetric_uniform(key, self.units * capacity(self, "size"))

    def observe(self, key: Key[Array, ""], design: Float[Array, "nodes nodes"]) -> tuple[GraphProblem, Dendrogram]:
        """A graph; the truth is the planted tree. All randomness is that of the design."""
        index = jnp.arange(design.shape[0], dtype=jnp.int32)
        live = row_mask(self.nodes, design.shape[0])
        unit = index % self.units
        # Sums over levels fuse with the comparison, where a gather would not.
        common = self.common[unit][:, unit]
        probability = jnp.broadcast_to(self.densities[0], design.shape)
        for level in range(1, self.depth + 1):
            probability = jnp.where(common >= level, self.densities[level], probability)
        linked = (design < probability) & live[:, None] & live[None, :] & (index[:, None] != index[None, :])
        leaves = self.counts[-1]
        problem = GraphProblem(linked.astype(design.dtype), nodes=self.nodes, communities=leaves, capacity=self.units)
        labels = jnp.where(live, self.tree[-1][unit], 0)
        return problem, Dendrogram(labels, self.merges, self._planted_similarities(), leaves)

    def _planted_similarities(self):
        merges = self._first_units(self.units)[self.merges]
        active = jnp.arange(self.units - 1, dtype=jnp.int32) < self.counts[-1] - 1
        return jnp.where(active, self.densities[self.common[merges[:, 0], merges[:, 1]]], 0)

    def _first_units(self, width: int):
        """A unit of every leaf; the first one where there is no such leaf."""
        return jnp.argmax(self.tree[-1][None, :] == jnp.arange(width, dtype=jnp.int32)[:, None], axis=1)

    def error(self, truth: Dendrogram, estimate: Dendrogram) -> Float[Array, ""]:
        """Share of nodes in a wrong community under the best matching, averaged over the depths 1 to L."""
        counts, _ = self._tables(truth, estimate)
        return 1 - jnp.mean(jax.vmap(matched_share)(counts))

    def metrics(self, truth: Dendrogram, estimate: Dendrogram) -> dict[str, Float[Array, ""]]:
        r"""How well each depth, and the tree, is recovered.

        - `accuracy_q`, `ami_q` for q = 1, ..., L: share of nodes in the right community of depth q under the best matching, and
          adjusted mutual information, of the estimate cut to as many communities. NaN where it has fewer.
        - `exact_q`: 1 if that accuracy is 1.
        - `lca_j` for j = 0, ..., L: share of nodes whose estimated leaf, matched, has its common ancestor with the true one at depth j.
        - `leaf_accuracy`: share of nodes whose matched leaf is the right one, whatever the number of leaves.
        - `tree_correlation`: Pearson correlation between the distances of matched leaves in the two trees; `tree_recovered` is 1 if it
          is at least 0.9999 and the numbers of leaves agree. For trees of more than two children it stays below one.
        - `inversions`: internal edges whose cut is less dense at the child than at the parent. `leaves`: their number.
        """
        dtype = truth.similarities.dtype
        counts, leaf_counts = self._tables(truth, estimate)
        enough = estimate.leaves >= self.counts
        # One matching algorithm for all depths and the leaves: it is the largest part of the program.
        tables = jnp.concatenate([counts, leaf_counts[None]])
        columns = jax.vmap(best_permutation)(tables)
        shares = jax.vmap(lambda table, column: jnp.sum(jnp.diagonal(table[:, column])))(tables, columns)
        total = jnp.sum(leaf_counts)
        accuracy = jnp.where(enough, shares[:-1] / total, jnp.nan)
        most = self.units * capacity(self, "size")
        ami = jnp.where(enough, jax.vmap(lambda each: adjusted_mutual_information(each, most))(counts), jnp.nan)
        found = {}
        for depth in range(1, self.depth + 1):
            found[f"accuracy_{depth}"] = accuracy[depth - 1]
            found[f"ami_{depth}"] = ami[depth - 1]
            found[f"exact_{depth}"] = (accuracy[depth - 1] >= 1).astype(dtype)
        column = columns[-1]
        matched = leaf_counts[:, column]
        first_unit = self._first_units(leaf_counts.shape[0])
        common = jnp.asarray(self.common)[first_unit][:, first_unit]
        for depth in range(self.depth + 1):
            found[f"lca_{depth}"] = jnp.sum(jnp.where(common == depth, matched, 0)) / total
        found["leaf_accuracy"] = shares[-1] / total
        real = jnp.arange(leaf_counts.shape[0], dtype=jnp.int32) < self.counts[-1]
        pairs = (real[:, None] & real[None, :]).astype(dtype)
        width = leaf_counts.shape[0]
        planted = _widened(jnp.asarray(self.distances, dtype), width)
        alike = correlation(planted, _widened(estimate.distances, width)[column][:, column], pairs)
        same = (alike >= _SAME_TREE) & (estimate.leaves == self.counts[-1])
        found["tree_correlation"] = alike
        found["tree_recovered"] = same.astype(dtype)
        found["inversions"] = estimate.inversions.astype(dtype)
        found["leaves"] = estimate.leaves.astype(dtype)
        return found

    def _tables(self, truth: Dendrogram, estimate: Dendrogram):
        """Counts of nodes per true and estimated community, at the depths 1 to L and of the leaves."""
        width = max(self.units, estimate.capacity)
        live = row_mask(self.nodes, truth.labels.shape[0])
        dtype = truth.similarities.dtype
        leaves = confusion(truth.labels, estimate.labels, width, width, live.astype(dtype))
        counts = jnp.asarray(self.counts)
        planted = truth.groups(counts)
        found = estimate.groups(counts)

        def coarser(true_groups, found_groups):
            rows = jax.nn.one_hot(true_groups, width, dtype=dtype)
            columns = jax.nn.one_hot(found_groups, width, dtype=dtype)
            return rows.T @ leaves[: rows.shape[0], : columns.shape[0]] @ columns

        return jax.vmap(coarser)(planted, found), leaves


def _widened(distances: Float[Array, "size size"], width: int) -> Float[Array, "width width"]:
    """Distances padded by zeros."""
    extra = width - distances.shape[0]
    return jnp.pad(distances, ((0, extra), (0, extra)))
