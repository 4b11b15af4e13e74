import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.core import threefry

SHAPES = [(), (1,), (7,), (33, 5), (4, 3, 2), (0,)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_words_and_numbers_are_those_of_jax(shape):
    key = jax.random.fold_in(jax.random.key(3), 11)
    np.testing.assert_array_equal(threefry.bits(key, shape), jax.random.bits(key, shape, jnp.uint32))
    np.testing.assert_array_equal(threefry.uniform(key, shape), jax.random.uniform(key, shape, jnp.float32))
    np.testing.assert_allclose(threefry.normal(key, shape), jax.random.normal(key, shape, jnp.float32), rtol=1e-6)


def test_batched_keys_give_each_its_own_words():
    keys = jax.random.split(jax.random.key(0), 4)
    batched = jax.vmap(lambda key: threefry.bits(key, (6,)))(keys)
    for key, words in zip(keys, batched, strict=True):
        np.testing.assert_array_equal(words, jax.random.bits(key, (6,), jnp.uint32))


def test_other_generators_are_left_to_jax():
    key = jax.random.key(0, impl="rbg")
    np.testing.assert_array_equal(threefry.bits(key, (5,)), jax.random.bits(key, (5,), jnp.uint32))


def test_keys_folded_on_the_host_are_those_of_jax():
    words = np.asarray(jax.random.key_data(jax.random.split(jax.random.key(3), 4)))
    data = np.asarray([0, 1, 2**31, 2**32 - 1], np.uint32)
    expected = jax.vmap(jax.random.fold_in)(jax.random.wrap_key_data(words), jnp.asarray(data))
    np.testing.assert_array_equal(threefry.folded(words, data), jax.random.key_data(expected))


@pytest.mark.parametrize("number", [1, 2, 3, 17])
def test_keys_split_are_those_of_jax(number):
    key = jax.random.fold_in(jax.random.key(3), 11)
    np.testing.assert_array_equal(
        jax.random.key_data(threefry.split(key, number)), jax.random.key_data(jax.random.split(key, number))
    )


@pytest.mark.parametrize("data", [0, 1, 7, 2**31, 2**32 - 1, np.int32(5), np.uint32(2**32 - 1)])
def test_keys_folded_are_those_of_jax(data):
    key = jax.random.fold_in(jax.random.key(3), 11)
    expected = jax.random.key_data(jax.random.fold_in(key, data))
    np.testing.assert_array_equal(jax.random.key_data(threefry.fold_in(key, data)), expected)
    traced = jax.jit(threefry.fold_in)(key, jnp.asarray(data, jnp.uint32))
    np.testing.assert_array_equal(jax.random.key_data(traced), expected)


def test_batched_keys_are_split_and_folded_each_by_itself():
    keys = jax.random.split(jax.random.key(0), 4)
    for ours, theirs in (
        (jax.vmap(threefry.split)(keys), jax.vmap(jax.random.split)(keys)),
        (jax.vmap(threefry.fold_in)(keys, jnp.arange(4)), jax.vmap(jax.random.fold_in)(keys, jnp.arange(4))),
    ):
        np.testing.assert_array_equal(jax.random.key_data(ours), jax.random.key_data(theirs))


def test_keys_of_other_generators_are_left_to_jax():
    key = jax.random.key(0, impl="rbg")
    for ours, theirs in (
        (threefry.split(key), jax.random.split(key)),
        (threefry.fold_in(key, 3), jax.random.fold_in(key, 3)),
    ):
        np.testing.assert_array_equal(jax.random.key_data(ours), jax.random.key_data(theirs))
