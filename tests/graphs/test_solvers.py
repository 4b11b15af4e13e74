"""Bottom-up and top-down against NumPy, and what they promise."""

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import recover as rc
from recover.core.solve import run
from recover.graphs.partitions import confusion, matched_share

MODEL = rc.models.HierarchicalSBM(2, 40, (0.04, 0.12, 0.45))


error = eqx.filter_jit(MODEL.error)


def agreement(first, second):
    """Whether two partitions into two are equal up to names, as a share of nodes."""
    same = np.mean(np.asarray(first) == np.asarray(second))
    return max(same, 1 - same)


@pytest.fixture(scope="module")
def graph():
    problem, truth = MODEL.sample(jax.random.key(3))
    return problem, truth, np.asarray(problem.observations, float)


def test_subspace_is_that_of_the_bethe_hessian(graph):
    problem, _, adjacency = graph
    solution = rc.solve(problem, rc.solvers.BottomUp(tolerance=-1.0), max_steps=15)
    degrees = adjacency.sum(1)
    radius = (degrees**2).sum() / degrees.sum() - 1
    scale = 1 / np.sqrt(degrees + radius - 1)
    values, vectors = np.linalg.eigh(scale[:, None] * adjacency * scale)
    np.testing.assert_allclose(solution.state.values[:4], np.sqrt(radius) * values[:-5:-1], rtol=1e-4)
    assert np.linalg.svd(vectors[:, -4:].T @ np.asarray(solution.state.basis[:, :4]))[1].min() > 0.999
    # Values beyond the edge are the negative eigenvalues of the Bethe Hessian.
    hessian = (radius - 1) * np.eye(len(degrees)) + np.diag(degrees) - np.sqrt(radius) * adjacency
    assert int(solution.stats["communities"]) == np.sum(np.linalg.eigvalsh(hessian) < 0)


def test_bisection_is_that_of_the_regularised_laplacian(graph):
    problem, _, adjacency = graph
    first = rc.solve(problem, rc.solvers.TopDown(1, stopping=False), max_steps=5).value
    both = rc.solve(problem, rc.solvers.TopDown(2, stopping=False), max_steps=5).value
    np.testing.assert_array_equal(both.labels // 2, first.labels)
    for part in (np.arange(160), np.flatnonzero(np.asarray(first.labels) == 0)):
        inside = adjacency[np.ix_(part, part)]
        regular = inside + 0.1 * inside.sum() / len(part) ** 2
        degrees = regular.sum(1)
        _values, vectors = np.linalg.eigh(regular / np.sqrt(np.outer(degrees, degrees)))
        position = vectors[:, -2] / np.sqrt(degrees)
        # Exact 2-means on a line: the best of all cuts between neighbours.
        order = np.sort(position)
        costs = [np.var(order[:k]) * k + np.var(order[k:]) * (len(order) - k) for k in range(1, len(order))]
        cut = order[np.argmin(costs)]
        labels = np.asarray(first.labels if len(part) == 160 else both.labels)[part]
        assert agreement(position > cut, labels == labels.max()) > 0.98
    # Cuts are densities between the parts.
    sides = np.asarray(first.labels)
    density = adjacency[np.ix_(sides == 0, sides == 1)].mean()
    assert float(first.similarities[0]) == pytest.approx(density, rel=1e-4)


def test_densities_of_linkage_are_those_of_the_estimated_communities(graph):
    problem, _, adjacency = graph
    found = rc.solve(problem, rc.solvers.BottomUp(refinements=15), max_steps=15).value
    halves, labels = np.asarray(found.cut(2)), np.asarray(found.labels)
    assert float(found.similarities[-1]) == pytest.approx(
        adjacency[np.ix_(halves == halves[0], halves != halves[0])].mean(), rel=1e-4
    )
    first, second = np.asarray(found.merges[0])
    assert float(found.similarities[0]) == pytest.approx(
        adjacency[np.ix_(labels == first, labels == second)].mean(), rel=1e-4
    )


def test_refinement_helps_where_the_deepest_split_is_weak():
    model = rc.models.HierarchicalSBM(2, 60, (0.05, 0.2, 0.38))
    keys = jax.random.split(jax.random.key(0), 6)

    @jax.jit
    def accuracy(refinements):
        def one(key):
            problem, truth = model.sample(key)
            found = run(problem, rc.solvers.BottomUp(refinements=refinements), key, jnp.asarray(15)).value
            return matched_share(confusion(truth.labels, found.labels, 4, 4, jnp.ones(240))), found.inversions

        return jax.vmap(one)(keys)

    (plain, first), (refined, second) = accuracy(jnp.asarray(0)), accuracy(jnp.asarray(15))
    assert float(jnp.mean(refined)) > float(jnp.mean(plain)) > 0.7
    assert not np.any(first)
    assert not np.any(second)


def test_numbers_of_communities_are_estimated(graph):
    problem, truth, _ = graph
    estimated = rc.solve(problem, rc.solvers.BottomUp(estimate_communities=True), max_steps=15)
    assert int(estimated.value.leaves) == int(estimated.stats["communities"]) == 4
    unknown = rc.GraphProblem(problem.observations)
    assert int(rc.solve(unknown, rc.solvers.BottomUp(), max_steps=15).value.leaves) == 4
    stopped = rc.solve(problem, rc.solvers.TopDown(3), max_steps=5)
    assert int(stopped.value.leaves) == 4
    assert float(error(truth, stopped.value)) < 0.02
    # Without a rule the bisections go on to the last level.
    on = rc.solve(problem, rc.solvers.TopDown(3, stopping=False), max_steps=5)
    assert int(on.value.leaves) == 8


def test_a_graph_without_communities_stays_whole():
    nothing = rc.models.HierarchicalSBM(1, 80, (0.2, 0.2))
    problem, _ = nothing.sample(jax.random.key(1))
    found = rc.solve(problem, rc.solvers.TopDown(2), max_steps=5)
    assert int(found.value.leaves) == 1
    assert len(np.unique(found.value.labels)) == 1


def test_splitting_uses_every_edge_once(graph):
    problem, truth, adjacency = graph
    solver = rc.solvers.BottomUp(split=0.7)
    solution = rc.solve(problem, solver, max_steps=15)
    kept = np.asarray(solution.state.kept)
    assert np.all((kept == 0) | (kept == adjacency))
    np.testing.assert_array_equal(kept, kept.T)
    assert kept.sum() / adjacency.sum() == pytest.approx(0.7, abs=0.03)
    halves = np.asarray(solution.value.cut(2))
    across = (adjacency - kept)[np.ix_(halves == halves[0], halves != halves[0])].mean()
    assert float(solution.value.similarities[-1]) == pytest.approx(across, rel=1e-4)
    whole = rc.solve(problem, rc.solvers.BottomUp(split=1.0), max_steps=15).value
    assert float(error(truth, whole)) < 0.02


def test_isolated_nodes_and_weights_are_allowed():
    graph = nx.disjoint_union(nx.complete_graph(12), nx.complete_graph(12))
    graph.add_edge(0, 13)
    adjacency = np.pad(2.0 * nx.to_numpy_array(graph), (0, 2))
    for solver in (rc.solvers.BottomUp(refinements=3), rc.solvers.TopDown(1, stopping=False)):
        found = rc.solve(rc.GraphProblem(adjacency, communities=2), solver, max_steps=15)
        labels = np.asarray(found.value.labels)[:24]
        assert agreement(labels == labels[0], np.arange(24) < 12) == 1, type(solver)
        assert np.all(np.isfinite(found.value.similarities))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rc.solvers.BottomUp(refinements=-1), "`refinements` is -1"),
        (lambda: rc.solvers.BottomUp(split=0.0), "`split` is 0.0"),
        (lambda: rc.solvers.BottomUp(restarts=0), "`restarts` is 0"),
        (lambda: rc.solvers.TopDown(0), "`levels` is 0"),
        (lambda: rc.solvers.TopDown(2, regularisation=-0.1), "`regularisation` is -0.1"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_estimates_are_dendrograms_of_all_nodes(graph):
    problem, truth, _ = graph
    for solver in (rc.solvers.BottomUp(), rc.solvers.TopDown(3)):
        found = rc.solve(problem, solver, max_steps=15).value
        assert found.labels.shape == truth.labels.shape
        assert jnp.issubdtype(found.labels.dtype, jnp.integer)
        for count in range(1, int(found.leaves) + 1):
            assert len(np.unique(found.cut(count))) == count
