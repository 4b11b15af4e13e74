"""Norm ratios, the coherence that a pair needs, and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover import diagnostics, theory

pieces = rc.autoencoders


def test_the_least_coherence_makes_the_interval_reach_the_code():
    inputs, codes = jnp.asarray([[3.0, 4.0], [1.0, 0.0]]), jnp.asarray([[2.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    needed = np.asarray(diagnostics.eps_lbo(inputs, codes))
    np.testing.assert_allclose(needed, [20 / 10, 4 / 10], rtol=1e-6)
    # With that coherence the code is at an end of the interval, where there is one.
    interval = theory.afa_interval(1.0, needed[1], 3)
    assert float(interval.upper) == pytest.approx(np.sqrt(5), rel=1e-5)
    np.testing.assert_allclose(diagnostics.eps_lbo(inputs, codes, 2), 2 * needed, rtol=1e-6)
    nothing = jnp.zeros((1, 3))
    assert np.isinf(diagnostics.eps_lbo(inputs[:1], nothing)[0])
    assert float(diagnostics.eps_lbo(jnp.zeros((1, 2)), nothing)[0]) == 0


def test_ratios_and_errors():
    inputs = jnp.asarray([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(diagnostics.norm_ratio(inputs, jnp.asarray([[0.0, 2.5], [1.0, 0.0]])), [0.5, 0.0])
    np.testing.assert_allclose(diagnostics.normalised_error(inputs, jnp.asarray([[0.0, 4.0], [1.0, 0.0]])), [0.36, 0.0])


def test_codes_belong_to_unit_rows_and_the_bias_is_one_more_feature():
    rows = jnp.asarray([[2.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    weights = pieces.Weights(rows, jnp.zeros(3), rows, jnp.asarray([0.3, 0.4]), None, None)
    autoencoder = pieces.SparseAutoencoder(weights, pieces.ReLU())
    inputs = jax.random.normal(jax.random.key(0), (5, 2))
    codes = np.asarray(diagnostics.folded_codes(autoencoder, inputs))
    np.testing.assert_allclose(codes[:, :3], np.asarray(autoencoder.encode(inputs)) * [2, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(codes[:, 3], 0.5, rtol=1e-5)
    assert diagnostics.folded_codes(autoencoder, inputs, centre=False).shape == (5, 3)
