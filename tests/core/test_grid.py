import jax.numpy as jnp
import numpy as np

from recover.core.grid import forward_differences, has_next, shifted


def test_shifts_take_the_fill_from_beyond():
    values = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(shifted(values, 1, 1, -1), [[1, 2, -1], [4, 5, -1]])
    np.testing.assert_array_equal(shifted(values, 1, -2), [[0, 0, 0], [0, 0, 3]])
    np.testing.assert_array_equal(shifted(values, 0, 5), np.zeros((2, 3)))


def test_differences_are_zero_in_the_last_cell():
    values = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    found = forward_differences(jnp.asarray(values), (1, 2))
    np.testing.assert_array_equal(found[0, :, :-1], np.diff(values, axis=1))
    np.testing.assert_array_equal(found[1, :, :, :-1], np.diff(values, axis=2))
    inside = has_next((3, 4))
    assert inside[0].tolist() == [[True] * 4, [True] * 4, [False] * 4]
    assert inside[1].tolist() == [[True] * 3 + [False]] * 3
    assert not np.any(np.where(inside, 0, np.moveaxis(found, 1, 0)))
