"""Norms and quotients against NumPy, and at zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.core.numbers import norm, ratio, squared_norm, unit


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_norm_is_that_of_numpy(axis, kind, getkey):
    x = jax.random.normal(getkey(), (3, 4))
    if kind == "complex":
        x = jax.lax.complex(x, jax.random.normal(getkey(), (3, 4)))
    expected = np.sqrt(np.sum(np.abs(np.asarray(x)) ** 2, axis=axis))
    np.testing.assert_allclose(norm(x, axis), expected, rtol=1e-6)
    np.testing.assert_allclose(squared_norm(x, axis), expected**2, rtol=1e-6)
    assert norm(x, axis).dtype == jnp.float32
    assert norm(x, axis, keepdims=True).ndim == 2


def test_gradients_at_zero_are_zero():
    zeros = jnp.zeros(3)
    np.testing.assert_array_equal(jax.grad(norm)(zeros), zeros)
    np.testing.assert_array_equal(jax.jacobian(unit)(zeros), jnp.zeros((3, 3)))
    for argument in (0, 1):
        assert jax.grad(ratio, argument)(jnp.asarray(2.0), jnp.asarray(0.0)) == 0


def test_what_is_no_number_stays_none():
    broken = jnp.asarray([jnp.nan, 1.0])
    assert jnp.isnan(norm(broken))
    assert jnp.all(jnp.isnan(unit(broken)))
    assert jnp.isnan(ratio(jnp.asarray(1.0), jnp.asarray(jnp.nan)))


def test_ratio_has_a_value_at_zero():
    numerator, denominator = jnp.asarray([1.0, 2.0, 3.0]), jnp.asarray([2.0, 0.0, -4.0])
    np.testing.assert_array_equal(ratio(numerator, denominator), [0.5, 0, -0.75])
    np.testing.assert_array_equal(ratio(1.0, denominator, jnp.inf), [0.5, jnp.inf, -0.25])
    assert ratio(numerator, denominator, 1).dtype == jnp.float32


def test_unit_rows_columns_and_vectors(getkey):
    x = jax.random.normal(getkey(), (3, 4)).at[1].set(0)
    np.testing.assert_allclose(norm(unit(x), 1), [1, 0, 1], rtol=1e-6)
    np.testing.assert_allclose(norm(unit(x, 0), 0), np.ones(4), rtol=1e-6)
    np.testing.assert_allclose(norm(unit(x, None)), 1, rtol=1e-6)
    np.testing.assert_allclose(norm(unit(jax.lax.complex(x, x)), 1), [1, 0, 1], rtol=1e-6)
