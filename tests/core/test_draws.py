import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.core import draws


@pytest.mark.parametrize("draw", [draws.normal, draws.uniform, draws.signs])
@pytest.mark.parametrize("columns", [1, 7, 64])
def test_rows_do_not_depend_on_how_many_there_are(draw, columns, getkey):
    key = getkey()
    np.testing.assert_array_equal(draw(key, (50, columns))[:11], draw(key, (11, columns)))


@pytest.mark.parametrize("draw", [draws.normal, draws.uniform, draws.signs])
def test_draws_do_not_depend_on_the_precision(draw):
    single = draw(jax.random.key(1), (20, 3))
    with jax.enable_x64(True):
        double = draw(jax.random.key(1), (20, 3))
        assert double.dtype == jnp.float64
    np.testing.assert_array_equal(single, double)


def test_signs_are_fair_and_independent(getkey):
    values = np.asarray(draws.signs(getkey(), (4000, 37)))
    assert set(np.unique(values)) == {-1.0, 1.0}
    correlation = values.T @ values / 4000 - np.eye(37)
    assert np.max(np.abs(correlation)) < 5 / np.sqrt(4000)
    assert np.max(np.abs(values.mean(axis=0))) < 5 / np.sqrt(4000)


def test_signs_of_few_and_of_many_words_are_the_same(getkey):
    key, many = getkey(), 32 * draws._FEW_WORDS
    np.testing.assert_array_equal(draws.signs(key, (many + 5,))[: many - 32], draws.signs(key, (many - 32,)))


@pytest.mark.parametrize("size", [1, 2, 37, 400])
def test_supports_are_those_that_come_first_in_a_random_order(getkey, size):
    key = getkey()
    for sparsity in {0, 1, size // 3, size}:
        first = np.asarray(draws.random_order(key, size))[:sparsity]
        support = draws.random_support(key, size, jnp.asarray(sparsity))
        assert set(np.flatnonzero(support)) == set(first.tolist())


def test_supports_are_uniform_and_of_the_right_size(getkey):
    keys = jax.random.split(getkey(), 6000)
    masks = np.asarray(jax.vmap(lambda key: draws.random_support(key, 12, jnp.asarray(4)))(keys))
    assert set(masks.sum(axis=1)) == {4}
    frequency = masks.mean(axis=0)
    assert np.max(np.abs(frequency - 4 / 12)) < 5 * np.sqrt(4 / 12 * 8 / 12 / 6000)
    # Pairs too: a first-k or windowed support would show here.
    pairs = masks.T.astype(float) @ masks / 6000
    expected = 4 * 3 / (12 * 11)
    assert np.max(np.abs(pairs[~np.eye(12, dtype=bool)] - expected)) < 5 * np.sqrt(expected / 6000)
