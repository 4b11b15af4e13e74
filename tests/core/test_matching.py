import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from recover.core import matching

best_permutation = jax.jit(matching.best_permutation)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_matching_is_optimal(size):
    similarity = np.random.default_rng(size).standard_normal((20, size, size)).astype(np.float32)
    found = np.asarray(jax.vmap(best_permutation)(jnp.asarray(similarity)))
    for matrix, order in zip(similarity, found, strict=True):
        rows, columns = linear_sum_assignment(matrix, maximize=True)
        assert sorted(order) == list(range(size))
        np.testing.assert_allclose(matrix[np.arange(size), order].sum(), matrix[rows, columns].sum(), rtol=1e-5)
        np.testing.assert_array_equal(order, columns)


def test_matching_works_in_double_precision_and_with_single_precision_data():
    with jax.enable_x64(True):
        similarity = jnp.asarray([[0.0, 1.0], [1.0, 1.5]], jnp.float32)
        assert list(best_permutation(similarity)) == [1, 0]


def test_matching_ends_where_nothing_is_a_number():
    assert sorted(best_permutation(jnp.full((4, 4), jnp.nan)).tolist()) == [0, 1, 2, 3]
    similarity = jnp.asarray([[jnp.nan, 5.0, -jnp.inf], [0.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    assert best_permutation(similarity).tolist() == [1, 0, 2]
