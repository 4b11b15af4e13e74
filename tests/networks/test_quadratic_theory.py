"""The Bayes-optimal error against published values, limits and its own state evolution."""

import jax
import numpy as np
import pytest

from recover import theory

mmse = jax.jit(theory.quadratic_network_mmse)

PUBLISHED = [
    (0.5, 0.0, [0.05, 0.1, 0.2, 0.3, 0.35], [0.879, 0.724, 0.392, 0.128, 0.039]),
    (1.0, 0.0, [0.1, 0.2, 0.3, 0.4, 0.49], [0.765, 0.500, 0.262, 0.084, 0.002]),
    (0.5, 0.5, [0.1, 0.2, 0.3, 0.4, 1.0], [0.770, 0.518, 0.336, 0.227, 0.063]),
]


@pytest.mark.parametrize(("ratio", "noise", "sampling", "expected"), PUBLISHED)
def test_published_values(ratio, noise, sampling, expected):
    np.testing.assert_allclose(mmse(np.asarray(sampling), ratio, noise), expected, atol=1e-3)


def test_recovery_exactly_at_the_threshold():
    ratio = np.array([0.1, 0.5, 1.0, 3.0, 0.2])
    threshold = np.asarray(theory.quadratic_network_recovery_threshold(ratio))
    np.testing.assert_allclose(threshold, [0.095, 0.375, 0.5, 0.5, 0.18], rtol=1e-6)
    assert np.all(np.asarray(mmse(1.001 * threshold, ratio, 0.0)) == 0)
    assert np.all(np.asarray(mmse(0.97 * threshold, ratio, 0.0)) > 1e-3)
    # Noise never gives a zero.
    assert np.all(np.asarray(mmse(2 * threshold, ratio, 0.1)) > 0)


def test_no_samples_teach_nothing_and_wide_networks_are_linear():
    np.testing.assert_allclose(mmse(np.zeros(5), 0.5, 0.0), 1)
    sampling = np.array([0.05, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(mmse(sampling, 300.0, 0.0), theory.wide_network_mmse(sampling), atol=5e-3)


def test_narrow_networks_approach_their_law_slowly():
    np.testing.assert_allclose(theory.narrow_network_mmse(np.array([0.3, 0.5, 0.8, 1.2])), [1, 1, 0.64, 0], atol=1e-6)
    ratio = np.array([0.002, 0.01, 0.05, 0.05, 0.05])
    np.testing.assert_allclose(mmse(0.8 * ratio, ratio, 0.0)[:3], [0.633, 0.604, 0.476], atol=1e-3)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_state_evolution_decreases_to_the_fixed_point(noise):
    errors = np.asarray(theory.quadratic_network_state_evolution(0.25, 0.5, noise, 120))
    assert errors[0] == pytest.approx(1)
    assert np.all(np.diff(errors) <= 1e-6)
    assert errors[-1] == pytest.approx(float(mmse(np.full(5, 0.25), 0.5, noise)[0]), abs=1e-3)


def test_channel_noise():
    assert float(theory.quadratic_network_channel_noise(0.25, 0.5)) == pytest.approx(0.515625)
