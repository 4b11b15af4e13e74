"""The planted hierarchy: densities, ambiguities, metrics."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.model import in_default_precision
from recover.core.sizes import with_capacities

MODEL = rc.models.HierarchicalSBM([[1, 1], [2, [1, 1]]], 80, (0.05, 0.15, 0.3, 0.6))

SMALL = rc.models.HierarchicalSBM(2, 10, (0.1, 0.2, 0.4))


def test_densities_are_those_of_the_common_ancestors():
    problem, truth = MODEL.sample(jax.random.key(0))
    adjacency, labels = np.asarray(problem.observations), np.asarray(truth.labels)
    assert np.array_equal(adjacency, adjacency.T)
    assert not np.diagonal(adjacency).any()
    # Leaves 0 and 1 are siblings at depth 2, leaf 2 lies at depth 2, leaves 3 and 4 are its nephews.
    expected = {(0, 0): 0.3, (0, 1): 0.15, (0, 2): 0.05, (2, 2): 0.3, (2, 3): 0.15, (3, 4): 0.3, (4, 4): 0.6}
    for (first, second), density in expected.items():
        block = adjacency[np.ix_(labels == first, labels == second)]
        pairs = block.size - (len(block) if first == second else 0)
        # Inside of a community every edge is counted twice.
        spread = np.sqrt(density * (1 - density) / pairs * (2 if first == second else 1))
        assert abs(block.sum() / pairs - density) < 4.5 * spread
    assert np.bincount(labels).tolist() == [80, 80, 160, 80, 80]
    assert int(problem.communities) == int(truth.leaves) == 5


def test_denser_graphs_of_a_trial_contain_sparser_ones():
    design = MODEL.design(jax.random.key(1))
    denser = rc.models.HierarchicalSBM([[1, 1], [2, [1, 1]]], 80, (0.1, 0.2, 0.4, 0.7))
    observe = eqx.filter_jit(lambda model: in_default_precision(model).observe(jax.random.key(2), design)[0])
    first, second = observe(MODEL), observe(denser)
    assert np.all(np.asarray(first.observations) <= np.asarray(second.observations))


def test_a_smaller_graph_is_the_beginning_of_a_larger_one():
    small = with_capacities(rc.models.HierarchicalSBM(2, 6, (0.1, 0.3, 0.7)), {"size": 11})
    large = rc.models.HierarchicalSBM(2, 11, (0.1, 0.3, 0.7))
    key = jax.random.key(3)
    first, _ = small.sample(key)
    second, _ = large.sample(key)
    assert int(first.nodes) == 24
    np.testing.assert_array_equal(first.observations[:24, :24], second.observations[:24, :24])
    assert not np.any(first.observations[24:])


@eqx.filter_jit
def scores(model, truth, estimate):
    """Error and metrics."""
    return model.error(truth, estimate), model.metrics(truth, estimate)


def relabelled(truth, order):
    """The same tree with other names of its leaves."""
    order = jnp.asarray(order, jnp.int32)
    return eqx.tree_at(lambda t: (t.labels, t.merges), truth, (order[truth.labels], order[truth.merges]))


def test_names_of_communities_do_not_matter():
    _, truth = SMALL.sample(jax.random.key(4))
    model, estimate = SMALL, relabelled(truth, [2, 3, 1, 0])
    error, found = scores(model, truth, estimate)
    assert float(error) == 0
    for name in ("accuracy_1", "accuracy_2", "ami_1", "ami_2", "tree_correlation", "tree_recovered", "lca_2"):
        assert float(found[name]) == pytest.approx(1, abs=1e-5), name
    assert float(found["inversions"]) == 0
    assert float(found["leaves"]) == 4


def test_metrics_tell_errors_of_leaves_from_errors_of_the_tree():
    model = SMALL
    _, truth = model.sample(jax.random.key(5))
    # Right leaves, joined across the two halves.
    crossed = eqx.tree_at(lambda t: t.merges, truth, jnp.asarray([[0, 2], [1, 3], [0, 1]], jnp.int32))
    _, found = scores(model, truth, crossed)
    assert float(found["accuracy_2"]) == 1
    assert float(found["accuracy_1"]) == 0.5
    assert float(found["tree_recovered"]) == 0
    assert float(found["lca_2"]) == 1
    # One node of 40 in the sibling leaf: distances are right, and so is depth 1.
    moved = eqx.tree_at(lambda t: t.labels, truth, truth.labels.at[0].set(1))
    _, found = scores(model, truth, moved)
    assert float(found["accuracy_1"]) == 1
    assert float(found["accuracy_2"]) == pytest.approx(39 / 40)
    assert float(found["lca_1"]) == pytest.approx(1 / 40)
    assert float(found["tree_recovered"]) == 1
    # Two leaves only: there is no partition into four.
    halves = eqx.tree_at(lambda t: (t.labels, t.leaves), truth, (truth.labels // 2 * 2, jnp.asarray(2, jnp.int32)))
    halves = eqx.tree_at(lambda t: t.merges, halves, jnp.asarray([[0, 2], [0, 0], [0, 0]], jnp.int32))
    _, found = scores(model, truth, halves)
    assert np.isnan(float(found["accuracy_2"]))
    assert float(found["accuracy_1"]) == 1
    assert float(found["leaf_accuracy"]) == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tree": 0}, "`tree` is 0; a depth of at least 1"),
        ({"size": 0}, "`size` is 0"),
        ({"densities": (0.1, 0.2)}, "`densities` is"),
        ({"densities": (0.1, 0.2, 1.4)}, "`densities` is"),
    ],
)
def test_impossible_models_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        rc.models.HierarchicalSBM(**{"tree": 2, "size": 5, "densities": (0.1, 0.2, 0.4), **change})


def test_impossible_graphs_are_refused():
    with pytest.raises(ValueError, match="has shape"):
        rc.GraphProblem(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="not symmetric"):
        rc.GraphProblem(np.triu(np.ones((4, 4)), 1))
    with pytest.raises(ValueError, match="`nodes` is 5"):
        rc.GraphProblem(np.zeros((4, 4)), nodes=5)
    with pytest.raises(ValueError, match="`communities` is 0"):
        rc.GraphProblem(np.zeros((4, 4)), communities=0)


def test_data_of_a_graph_are_pairs_of_nodes():
    problem = rc.GraphProblem(np.zeros((4, 4)), nodes=3)
    assert problem.live_nodes.tolist() == [True, True, True, False]
    expected = np.zeros((4, 4), bool)
    expected[:3, :3] = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(problem.mask, expected)
    assert float(problem.count) == np.sum(expected)
    with pytest.raises(NotImplementedError, match="GraphProblem has no `forward`"):
        problem.forward(jnp.zeros(3))
