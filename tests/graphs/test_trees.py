"""Tables of trees against trees walked node by node."""

import networkx as nx
import numpy as np
import pytest

from recover import trees


def graph_of(tree):
    """The rooted tree as a graph: a node is the set of its units."""
    graph = nx.DiGraph()
    units = range(tree.shape[1])
    above = {unit: frozenset(units) for unit in units}
    for row in tree[1:]:
        for unit in units:
            part = frozenset(np.flatnonzero(row == row[unit]).tolist())
            if part != above[unit]:
                graph.add_edge(above[unit], part)
                above[unit] = part
    return graph, above


TREES = {
    "binary": trees.balanced_tree(3),
    "ternary": trees.balanced_tree(2, 3),
    "nested": trees.nested_tree([[1, 1], [2, [1, 1]]]),
    "collapsed": trees.collapsed_tree(trees.balanced_tree(5), [2, 2, *12 * [1], 8, 8]),
}


@pytest.mark.parametrize("name", TREES)
def test_ancestors_and_distances_are_those_of_the_graph(name):
    tree = TREES[name]
    graph, leaf_of = graph_of(tree)
    root = frozenset(range(tree.shape[1]))
    depth = nx.single_source_shortest_path_length(graph, root)
    common = trees.common_depths(tree)
    for first in range(tree.shape[1]):
        for second in range(first, tree.shape[1]):
            ancestor = nx.lowest_common_ancestor(graph, leaf_of[first], leaf_of[second])
            assert common[first, second] == common[second, first] == depth[ancestor]
    _, units = np.unique(tree[-1], return_index=True)
    paths = dict(nx.all_pairs_shortest_path_length(graph.to_undirected()))
    expected = [[paths[leaf_of[a]][leaf_of[b]] for b in units] for a in units]
    np.testing.assert_array_equal(trees.tree_distances(tree), expected)
    assert trees.leaf_count(tree) == len(units)


@pytest.mark.parametrize("name", TREES)
def test_merging_goes_through_the_planted_communities(name):
    tree = TREES[name]
    leaves = np.arange(trees.leaf_count(tree))
    group = leaves.copy()
    seen = {}
    for first, second in trees.tree_merges(tree):
        assert group[first] != group[second]
        group = np.where(group == group[second], group[first], group)
        seen[len(np.unique(group))] = group.copy()
    for row in tree[1:-1]:
        units = np.unique(tree[-1], return_index=True)[1]
        planted, found = row[units], seen.get(len(np.unique(row)), leaves)
        assert len(set(zip(planted.tolist(), found.tolist(), strict=True))) == len(np.unique(planted))


def test_geometric_densities():
    np.testing.assert_allclose(trees.geometric_densities(0.8, 0.5, 3), [0.1, 0.2, 0.4, 0.8])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: trees.balanced_tree(0), "depth 0"),
        (lambda: trees.nested_tree([1, [2]]), "1 children"),
        (lambda: trees.nested_tree([1, 0]), "0 units"),
        (lambda: trees.nested_tree(3), "at least two"),
        (lambda: trees.collapsed_tree(trees.balanced_tree(2), [1, 2, 1]), "no community"),
        (lambda: trees.collapsed_tree(trees.balanced_tree(2), [2, 1]), "sum to 4"),
        (lambda: trees.check_tree("Owner", np.asarray([[0, 0, 0], [0, 1, 1], [0, 0, 1]])), "Owner: `tree`"),
    ],
)
def test_what_is_no_tree_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
