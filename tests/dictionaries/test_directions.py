"""Comparing dictionaries, against NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from recover import dictionaries

largest_cosines, matched_cosines = jax.jit(dictionaries.largest_cosines), jax.jit(dictionaries.matched_cosines)
consistency = jax.jit(dictionaries.consistency)


def pair(first, second, dimension=5):
    one, two = (jax.random.normal(jax.random.key(seed), (rows, dimension)) for seed, rows in ((0, first), (1, second)))
    unit = [np.asarray(each, float) / np.linalg.norm(each, axis=1, keepdims=True) for each in (one, two)]
    return one, two, unit[0] @ unit[1].T


@pytest.mark.parametrize("sizes", [(4, 7), (7, 4), (6, 6)])
def test_one_to_one_matching_is_that_of_scipy(sizes):
    first, second, products = pair(*sizes)
    rows, columns = linear_sum_assignment(products, maximize=True)
    found = np.asarray(matched_cosines(first, second))
    expected = products[rows, columns]
    assert found.sum() == pytest.approx(expected.sum(), abs=1e-5)
    order = np.argsort(rows if sizes[0] <= sizes[1] else columns)
    np.testing.assert_allclose(found, expected[order], atol=1e-5)


def test_one_neuron_between_two_features_counts_once_in_a_matching_and_twice_without():
    features = jnp.asarray([[1.0, 0.3, 0.0], [1.0, -0.3, 0.0]])
    neurons = jnp.asarray([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    greedy, _ = largest_cosines(features, neurons)
    assert np.sum(np.asarray(greedy) > 0.9) == 2
    assert np.sum(np.asarray(matched_cosines(features, neurons)) > 0.9) == 1


def test_padding_is_nobodys_neighbour():
    first, second, products = pair(4, 6)
    padded = jnp.concatenate([second, jnp.zeros((3, 5))])
    found, present = largest_cosines(first, padded)
    np.testing.assert_allclose(found, products.max(axis=1), atol=1e-5)
    _, present = largest_cosines(padded, first)
    assert list(present) == [True] * 6 + [False] * 3
    np.testing.assert_allclose(
        np.sort(matched_cosines(first, padded)),
        np.sort(matched_cosines(first, second)),
        atol=1e-5,
    )


def test_consistency_counts_the_chosen_rows():
    first, _, _ = pair(4, 4)
    second = jnp.concatenate([2 * first[:2], -first[2:]])
    assert float(consistency(first, second)) == 0.5
    assert float(consistency(first, second, chosen=jnp.asarray([True, False, False, False]))) == 1
    assert float(consistency(first, second, chosen=jnp.zeros(4, bool))) == 0
