"""Mechanisms against their definitions: what the noise guarantees, in double precision."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

import recover as rc
from recover.private.iterative_thresholding import randomised

BUDGETS = list(itertools.product([0.05, 0.25, 0.5, 1.0, 3.0, 10.0], [1e-3, 1e-5, 5e-6, 1e-8]))


def exact_delta(epsilon, scale, sensitivity=1.0):
    """Balle and Wang's formula in double precision."""
    shift, width = sensitivity / (2 * scale), epsilon * scale / sensitivity
    return stats.norm.cdf(shift - width) - np.exp(epsilon + stats.norm.logcdf(-shift - width))


def test_the_formula_for_delta_is_the_largest_violation():
    """delta is the integral of (p - e^epsilon q)_+ of two Gaussians at a distance of the sensitivity."""
    at = np.linspace(-60, 60, 2_000_001)
    for epsilon, scale in [(0.3, 1.0), (1.0, 3.0), (2.0, 0.7)]:
        excess = np.maximum(stats.norm.pdf(at, 1, scale) - np.exp(epsilon) * stats.norm.pdf(at, 0, scale), 0)
        found = float(rc.theory.gaussian_mechanism_delta(epsilon, scale))
        np.testing.assert_allclose(found, np.trapezoid(excess, at), rtol=1e-3)
        np.testing.assert_allclose(found, exact_delta(epsilon, scale), rtol=1e-4)


@pytest.mark.parametrize(("epsilon", "delta"), BUDGETS)
def test_the_analytic_scale_is_private_and_not_wasteful(epsilon, delta):
    """In single precision, judged in double; also not above the classical formula where that holds."""
    scale = float(rc.theory.gaussian_mechanism_scale(epsilon, delta, 3.0))
    assert exact_delta(epsilon, scale, 3.0) <= delta
    assert exact_delta(epsilon, 0.998 * scale, 3.0) > delta
    if epsilon <= 1:
        classical = float(rc.theory.classical_gaussian_scale(epsilon, delta, 3.0))
        assert exact_delta(epsilon, classical, 3.0) <= delta
        assert scale <= classical


def test_the_classical_formula_is_refused_beyond_one():
    rc.theory.classical_gaussian_scale(1.0, 1e-5)
    with pytest.raises(ValueError, match="epsilon must lie in"):
        rc.theory.classical_gaussian_scale(1.001, 1e-5)
    # There is a reason: far beyond one it is not private.
    epsilon = 50.0
    scale = np.sqrt(2 * np.log(1.25e5)) / epsilon
    assert exact_delta(epsilon, scale) > 1e-5


def test_the_scale_of_the_ball_makes_messages_unbiased():
    dimension, epsilon = 20, 1.0
    # The mean of |w_1| on the sphere, and the odds of telling the truth.
    mean = special.gamma(dimension / 2) / (np.sqrt(np.pi) * special.gamma((dimension + 1) / 2))
    expected = (np.e + 1) / (np.e - 1) / mean
    np.testing.assert_allclose(rc.theory.ball_mechanism_scale(epsilon, dimension), expected, rtol=1e-5)
    np.testing.assert_allclose(expected, 11.98, atol=0.01)


@pytest.mark.parametrize("length", [0.0, 0.6, 2.0])
def test_messages_of_the_ball_have_their_norm_mean_and_second_moment(length):
    number, dimension, radius, epsilon = 200_000, 4, 2.0, 1.5
    vector = length * np.asarray([0.6, 0, -0.8, 0])
    rows = jnp.broadcast_to(jnp.asarray(vector, jnp.float32), (number, dimension))
    found = np.asarray(jax.jit(randomised)(jax.random.key(0), rows, jnp.float32(radius), jnp.float32(epsilon)))
    size = radius * float(rc.theory.ball_mechanism_scale(epsilon, dimension))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), size, rtol=1e-4)
    deviation = size / np.sqrt(dimension)
    assert np.abs(found.mean(axis=0) - vector).max() < 4.5 * deviation / np.sqrt(number)
    second = found.T @ found / number
    assert np.abs(second - deviation**2 * np.eye(dimension)).max() < 0.02 * size**2


def test_messages_of_the_ball_are_private():
    """In the plane: no sector of directions is more likely than e^epsilon times under any other data, and some are as likely."""
    number, epsilon = 400_000, 1.0
    shares = []
    for vector in ([1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, 0.0]):
        rows = jnp.broadcast_to(jnp.asarray(vector, jnp.float32), (number, 2))
        found = np.asarray(jax.jit(randomised)(jax.random.key(1), rows, jnp.float32(1), jnp.float32(epsilon)))
        angles = np.arctan2(found[:, 1], found[:, 0])
        shares.append(np.histogram(angles, np.linspace(-np.pi, np.pi, 13))[0] / number)
    ratios = [one / other for one, other in itertools.permutations(shares, 2)]
    noise = 4.5 * np.sqrt(2 / (number * min(map(np.min, shares))))
    assert np.max(ratios) < np.exp(epsilon) * (1 + noise)
    assert np.max(ratios) > np.exp(epsilon) * (1 - noise)


def test_rates_are_the_table():
    n, d, k, epsilon = 1e12, 64.0, 4.0, 0.5
    root = np.sqrt(n) * epsilon
    expected = {
        "one-shot": d * np.sqrt(k),
        "one-shot lower bound": np.sqrt(d * k * np.log(d)),
        "public covariance": np.sqrt(d * k),
        "interactive": k * np.sqrt(d),
        "interactive lower bound": np.sqrt(d * k),
    }
    for protocol, value in expected.items():
        np.testing.assert_allclose(rc.theory.local_privacy_rate(n, d, k, epsilon, protocol), value / root, rtol=1e-5)
    with pytest.raises(ValueError, match="protocol"):
        rc.theory.local_privacy_rate(n, d, k, epsilon, "telepathy")
