"""Linkage, cutting, distances and inversions against SciPy and networkx."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from recover import Dendrogram
from recover.graphs.dendrograms import average_linkage

jitted = jax.jit(average_linkage)


def random_densities(seed, size):
    generator = np.random.default_rng(seed)
    densities = generator.uniform(size=(size, size)).astype(np.float32)
    return (densities + densities.T) / 2


@pytest.mark.parametrize("seed", range(4))
def test_average_linkage_is_that_of_scipy(seed):
    densities = random_densities(seed, 9)
    labels = jnp.arange(9, dtype=jnp.int32)
    # Equal sizes of one node: weights are numbers of leaves, as in SciPy's average linkage.
    found = jitted(jnp.asarray(densities), jnp.ones(9), labels)
    distances = 1 - densities
    np.fill_diagonal(distances, 0)
    expected = linkage(squareform(distances, checks=False), "average")
    np.testing.assert_allclose(1 - np.asarray(found.similarities), expected[:, 2], atol=1e-5)
    for count in range(1, 10):
        ours = np.asarray(found.cut(count))
        theirs = fcluster(expected, count, "maxclust")
        assert len(set(zip(ours.tolist(), theirs.tolist(), strict=True))) == len(set(theirs.tolist())) == count
    assert int(found.inversions) == 0


@pytest.mark.parametrize("seed", range(3))
def test_linkage_has_no_inversions_whatever_the_sizes(seed):
    generator = np.random.default_rng(seed)

    def one(edges, sizes):
        return average_linkage(edges, sizes, jnp.zeros(3, jnp.int32)).inversions

    sizes = generator.integers(0, 40, (50, 12)).astype(np.float32)
    edges = generator.integers(0, 900, (50, 12, 12)).astype(np.float32)
    assert not np.any(jax.vmap(one)(jnp.asarray(edges + edges.swapaxes(1, 2)), jnp.asarray(sizes)))


def tree_of(found):
    """The merges as a graph, walked one by one."""
    graph, top = nx.Graph(), {leaf: ("leaf", leaf) for leaf in range(found.capacity)}
    group = list(range(found.capacity))
    for step in range(int(found.leaves) - 1):
        first, second = (int(end) for end in found.merges[step])
        graph.add_edges_from([(("node", step), top[group[first]]), (("node", step), top[group[second]])])
        absorbed, kept = group[second], group[first]
        group = [kept if each == absorbed else each for each in group]
        top[kept] = ("node", step)
    return graph


def test_distances_are_paths_in_the_tree_and_missing_leaves_have_none():
    sizes = jnp.asarray([3.0, 2.0, 0.0, 4.0, 1.0, 5.0])
    found = jitted(jnp.asarray(random_densities(7, 6)), sizes, jnp.asarray([0, 1, 3, 4, 5], jnp.int32))
    assert int(found.leaves) == 5
    paths = dict(nx.all_pairs_shortest_path_length(tree_of(found)))
    distances = np.asarray(found.distances)
    for first in (0, 1, 3, 4, 5):
        for second in (0, 1, 3, 4, 5):
            assert distances[first, second] == paths[("leaf", first)][("leaf", second)]
    assert not distances[2].any()
    # More communities than there are leaves: every leaf is its own.
    assert len(np.unique(found.cut(6))) == 5


def test_inversions_are_counted_edge_by_edge():
    merges = jnp.asarray([[0, 1], [2, 3], [0, 2], [0, 4]], jnp.int32)
    labels = jnp.zeros(1, jnp.int32)
    for similarities, expected in (([0.9, 0.8, 0.5, 0.1], 0), ([0.9, 0.3, 0.5, 0.1], 1), ([0.2, 0.3, 0.5, 0.6], 3)):
        tree = Dendrogram(labels, merges, jnp.asarray(similarities), jnp.asarray(5, jnp.int32))
        assert int(tree.inversions) == expected
    shorter = Dendrogram(labels, merges, jnp.asarray([0.2, 0.3, 0.5, 0.6]), jnp.asarray(4, jnp.int32))
    assert int(shorter.inversions) == 2
