"""Closed-form sample sizes and rates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.theory import information_theoretic_samples, lasso_support_control, lasso_support_samples, minimax_error


def test_values():
    np.testing.assert_allclose(lasso_support_samples(512, 40), 2 * 40 * np.log(472), rtol=1e-6)
    np.testing.assert_allclose(information_theoretic_samples(1000, 10, 0.5), 20 * np.log(100) / np.log(41), rtol=1e-6)
    np.testing.assert_allclose(minimax_error(200, 1000, 10, 0.5), 0.25 * 10 * np.log(100) / 200, rtol=1e-6)


def test_control_parameter_is_one_at_the_threshold():
    dimension, sparsity = np.array([[128], [512]]), np.array([[5, 17, 40]])
    samples = lasso_support_samples(dimension, sparsity)
    assert samples.shape == (2, 3)
    np.testing.assert_allclose(lasso_support_control(samples, dimension, sparsity), 1, rtol=1e-6)


def test_information_asks_for_less_than_the_lasso():
    """The gap opens with the signal-to-noise ratio; without noise one observation would do."""
    noise = np.array([0.0, 0.1, 1.0])
    needed = information_theoretic_samples(10_000, 20, noise)
    assert bool(jnp.all(needed < lasso_support_samples(10_000, 20)))
    assert float(needed[0]) == 0
    assert bool(jnp.all(jnp.diff(needed) > 0))


def test_traced_integers():
    samples = jax.jit(jax.vmap(lasso_support_samples, in_axes=(None, 0)))(100, jnp.arange(1, 5))
    np.testing.assert_allclose(samples, lasso_support_samples(100, np.arange(1, 5)), rtol=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"sparsity must lie in \[1, inf\); got 0"):
        lasso_support_samples(100, 0)
