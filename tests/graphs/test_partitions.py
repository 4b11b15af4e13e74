"""Comparisons of partitions and clusterings against scikit-learn and SciPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score

from recover.graphs import clustering, partitions, subspaces

community_edges, k_means = eqx.filter_jit(clustering.community_edges), eqx.filter_jit(clustering.k_means)
likeliest_labels = eqx.filter_jit(clustering.likeliest_labels)
confusion, matched_share = eqx.filter_jit(partitions.confusion), eqx.filter_jit(partitions.matched_share)
adjusted_mutual_information = eqx.filter_jit(partitions.adjusted_mutual_information)
orthonormalised, group_orthonormalised = map(
    eqx.filter_jit, (subspaces.orthonormalised, subspaces.group_orthonormalised)
)


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.6, 1.0])
def test_scores_are_those_of_scikit_learn_and_scipy(noise):
    generator = np.random.default_rng(3)
    first = generator.integers(0, 6, 300)
    second = np.where(generator.uniform(size=300) < noise, generator.integers(0, 5, 300), (first + 2) % 6)
    counts = confusion(jnp.asarray(first, jnp.int32), jnp.asarray(second, jnp.int32), 7, 7, jnp.ones(300))
    rows, columns = linear_sum_assignment(-np.asarray(counts))
    assert float(matched_share(counts)) == pytest.approx(np.asarray(counts)[rows, columns].sum() / 300, abs=1e-6)
    expected = adjusted_mutual_info_score(first, second)
    assert float(adjusted_mutual_information(counts, 320)) == pytest.approx(expected, abs=2e-3)


def test_one_community_against_one_has_full_information():
    counts = jnp.zeros((3, 3)).at[1, 2].set(50.0)
    assert float(adjusted_mutual_information(counts, 60)) == 1


def test_k_means_finds_what_scikit_learn_finds():
    generator = np.random.default_rng(0)
    centres = 3 * generator.standard_normal((7, 5))
    points = centres[generator.integers(0, 7, 160)] + generator.standard_normal((160, 5))
    points = points.astype(np.float32)
    mask = jnp.arange(160) < 140
    labels = np.asarray(k_means(jnp.asarray(points), mask, jnp.asarray(7), jax.random.key(0), capacity=9))
    assert set(labels[:140].tolist()) == set(range(7))
    assert not labels[140:].any()
    kept = points[:140]
    own = np.stack([kept[labels[:140] == label].mean(0) for label in range(7)])
    inertia = np.sum((kept - own[labels[:140]]) ** 2)
    assert inertia <= 1.02 * KMeans(7, n_init=10, random_state=0).fit(kept).inertia_


def test_edges_between_communities_are_counted():
    generator = np.random.default_rng(1)
    adjacency = np.triu(generator.uniform(size=(30, 30)) < 0.3, 1).astype(np.float32)
    adjacency = adjacency + adjacency.T
    labels, mask = generator.integers(0, 3, 30), np.arange(30) < 26
    edges, sizes = community_edges(jnp.asarray(adjacency), jnp.asarray(labels, jnp.int32), jnp.asarray(mask), 4)
    for first in range(3):
        members = mask & (labels == first)
        assert float(sizes[first]) == members.sum()
        for second in range(3):
            expected = adjacency[np.ix_(members, mask & (labels == second))].sum()
            assert float(edges[first, second]) == expected


def test_refinement_moves_each_node_to_its_likeliest_community():
    generator = np.random.default_rng(2)
    planted = np.arange(60) % 3
    density = np.where(planted[:, None] == planted[None, :], 0.6, 0.1)
    adjacency = np.triu(generator.uniform(size=(60, 60)) < density, 1).astype(float)
    adjacency = adjacency + adjacency.T
    labels = np.where(generator.uniform(size=60) < 0.25, generator.integers(0, 3, 60), planted)
    one = np.eye(4)[labels]
    sizes, towards = one.sum(0), adjacency @ one
    pairs = sizes[:, None] * (sizes[None, :] - np.eye(4))
    share = np.clip((one.T @ towards + 0.5) / (pairs + 1), 1e-6, 1 - 1e-4)
    scores = np.zeros((60, 4))
    for node in range(60):
        others = sizes - one[node]
        for group in range(4):
            present = towards[node] @ np.log(share[group])
            scores[node, group] = present + (others - towards[node]) @ np.log(1 - share[group])
    scores[:, sizes == 0] = -np.inf
    arguments = (jnp.asarray(adjacency, jnp.float32), jnp.asarray(labels, jnp.int32), jnp.ones(60, bool))
    once = likeliest_labels(*arguments, jnp.asarray(1), 4)
    np.testing.assert_array_equal(once, scores.argmax(1))
    np.testing.assert_array_equal(likeliest_labels(*arguments, jnp.asarray(15), 4), planted)
    np.testing.assert_array_equal(likeliest_labels(*arguments, jnp.asarray(0), 4), labels)


def test_filter_is_the_chebyshev_polynomial():
    values = jnp.asarray([-0.7, 0.0, 0.3, 1.0, 1.4, 2.0])
    found = subspaces.chebyshev_filter(lambda block: values[:, None] * block, jnp.ones((6, 1)), 5)[:, 0]
    np.testing.assert_allclose(found, np.polynomial.Chebyshev.basis(5)(np.asarray(values)), rtol=1e-5)


def test_orthonormal_columns_span_the_same_space():
    generator = np.random.default_rng(0)
    block = (generator.standard_normal((80, 6)) * 10.0 ** -np.linspace(0, 3.5, 6)).astype(np.float32)
    block[:, 1:] += block[:, :1]
    basis = np.asarray(orthonormalised(jnp.asarray(block)))
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-5)
    exact = np.linalg.qr(block.astype(float))[0]
    assert np.linalg.svd(exact.T @ basis)[1].min() > 0.999
    groups = np.eye(3, dtype=np.float32)[np.arange(80) % 3]
    grouped = np.asarray(group_orthonormalised(jnp.asarray(basis), jnp.asarray(groups)))
    for group in range(3):
        part = grouped[np.arange(80) % 3 == group]
        np.testing.assert_allclose(part.T @ part, np.eye(6), atol=1e-5)
