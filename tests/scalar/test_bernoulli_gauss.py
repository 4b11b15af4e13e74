"""Bayes-optimal state evolution: independent integration, Monte Carlo, reference values, limits and orderings."""

from functools import cache
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from recover.theory import (
    bernoulli_gauss_fixed_points,
    bernoulli_gauss_mmse,
    bernoulli_gauss_state_evolution,
    donoho_tanner_weak,
    information_limit,
    soft_threshold_mse,
    spinodal,
)


def _posterior_mean(y, density, t, variance):
    slab = density * norm.pdf(y, scale=np.sqrt(t + variance))
    spike = (1 - density) * norm.pdf(y, scale=np.sqrt(t))
    return slab / (slab + spike) * variance / (variance + t) * y


@pytest.mark.parametrize(("density", "t", "variance"), [(0.1, 0.02, 1.0), (0.6, 1.5, 1.0), (0.02, 0.3, 4.0)])
def test_mmse_by_numerical_integration(float64, density, t, variance):
    def energy(y):
        slab = density * norm.pdf(y, scale=np.sqrt(t + variance))
        spike = (1 - density) * norm.pdf(y, scale=np.sqrt(t))
        return _posterior_mean(y, density, t, variance) ** 2 * (slab + spike)

    top = 9 * np.sqrt(t + variance)
    edges = np.unique(np.minimum(np.append(np.sqrt(t) * np.array([0, 2, 4, 6, 8, 12, 20]), top), top))
    total = 2 * sum(quad(energy, a, b)[0] for a, b in pairwise(edges))
    np.testing.assert_allclose(bernoulli_gauss_mmse(density, t, variance), density * variance - total, rtol=1e-9)


@pytest.mark.parametrize(("density", "t"), [(0.1, 0.01), (0.3, 0.4), (0.8, 3.0)])
def test_mmse_by_monte_carlo(density, t):
    rng = np.random.default_rng(11)
    x = rng.standard_normal(200_000) * (rng.random(200_000) < density)
    estimate = _posterior_mean(x + np.sqrt(t) * rng.standard_normal(x.size), density, t, 1.0)
    error = (estimate - x) ** 2
    assert abs(float(bernoulli_gauss_mmse(density, t)) - error.mean()) < 4 * error.std() / np.sqrt(x.size)
    # Under the true prior the estimate overlaps with the truth as with itself (Nishimori identity).
    defect = estimate * (x - estimate)
    assert abs(defect.mean()) < 4 * defect.std() / np.sqrt(x.size)


def test_mmse_limits():
    t = np.geomspace(1e-8, 1e4, 25)
    np.testing.assert_allclose(bernoulli_gauss_mmse(1.0, t), t / (1 + t), rtol=1e-5)
    np.testing.assert_allclose(bernoulli_gauss_mmse(0.3, 1e7), 0.3, rtol=1e-4)
    np.testing.assert_allclose(bernoulli_gauss_mmse(0.3, 1e-12) / 1e-12, 0.3, rtol=1e-2)
    np.testing.assert_array_less(bernoulli_gauss_mmse(0.0, t), 1e-30)
    np.testing.assert_allclose(bernoulli_gauss_mmse(0.2, 6 * t, 6.0), 6 * bernoulli_gauss_mmse(0.2, t), rtol=1e-5)


def test_mmse_grows_with_the_noise_and_beats_soft_thresholding():
    t = np.geomspace(1e-6, 1e2, 40)
    for density in (0.01, 0.2, 0.7):
        optimal = bernoulli_gauss_mmse(density, t)
        assert bool(jnp.all(jnp.diff(optimal) > 0))
        best = jnp.min(soft_threshold_mse(t[:, None], np.linspace(0, 4, 41)[None], density), axis=1)
        assert bool(jnp.all(optimal <= best * (1 + 1e-5)))


def test_single_precision_follows_double():
    t = np.geomspace(1e-12, 1e3, 31)[:, None]
    density = np.array([[1e-4, 0.05, 0.5, 0.99]])
    single = bernoulli_gauss_mmse(density, t)
    with jax.enable_x64(True):
        np.testing.assert_allclose(single, bernoulli_gauss_mmse(density, t), rtol=3e-5)


# No transition is left at the largest noise.
NOISES = np.array([0.0, 0.001, 0.01, 0.03, 0.5])
NOISY = np.array(
    [
        # sampling ratio, relative sparsity, noise, mse / density, effective variance, LASSO mse / density
        [0.5, 0.20, 0.10, 0.02870, 0.015739, 0.06730],
        [0.5, 0.20, 0.30, 0.30010, 0.150021, 0.34461],
        [0.3, 0.20, 0.10, 0.03296, 0.016592, 0.09390],
        [0.5, 0.35, 0.10, 0.04437, 0.025529, 0.10680],
        [0.7, 0.40, 0.05, 0.00798, 0.005692, 0.02870],
    ]
)


@cache
def fixed_points_and_slope():
    """The fixed points and their derivative in the noise, as one program: most of the time here is compilation."""

    def program(ratio, sparsity, noise, variance):
        def predict(noise):
            return bernoulli_gauss_fixed_points(ratio, sparsity, noise, variance=variance)

        return jax.jvp(predict, (noise,), (jnp.ones_like(noise),))

    return jax.jit(program)


def fixed_points(ratio, sparsity, noise, variance=1.0):
    arguments = [jnp.broadcast_to(jnp.asarray(a, jnp.float64), (5,)) for a in (ratio, sparsity, noise, variance)]
    return fixed_points_and_slope()(*arguments)[0]


def test_noisy_reference_values(float64):
    ratio, sparsity, noise, error, variance, lasso = NOISY.T
    points = fixed_points(ratio, sparsity, noise)
    np.testing.assert_allclose(points.algorithmic / (ratio * sparsity), error, atol=6e-6)
    np.testing.assert_allclose(noise**2 + points.algorithmic / ratio, variance, atol=6e-7)
    np.testing.assert_allclose(points.informed, points.algorithmic, rtol=1e-9)
    trajectory = bernoulli_gauss_state_evolution(ratio, sparsity, noise, 200)
    assert trajectory.shape == (5, 201)
    np.testing.assert_allclose(trajectory[:, 0], ratio * sparsity)
    np.testing.assert_allclose(trajectory[:, -1], points.algorithmic, rtol=1e-8)
    assert bool(jnp.all(points.optimal < lasso * ratio * sparsity))


@cache
def information_limit_at(noises, variance):
    """In float32, which is what it is used in."""
    with jax.enable_x64(False):
        return np.asarray(information_limit(0.5, np.array(noises), variance=variance))


def test_amplitude_variance_only_sets_the_scale(float64):
    sparsity = np.linspace(0.2, 0.7, 5)
    points = fixed_points(0.5, sparsity, 0.02)
    scaled = fixed_points(0.5, sparsity, 0.06, 9.0)
    for a, b in zip(points[:3], scaled[:3], strict=True):
        np.testing.assert_allclose(9 * a, b, rtol=1e-9)
    limit = information_limit_at(tuple(3 * NOISES), 9.0)
    np.testing.assert_allclose(limit, information_limit_at(tuple(NOISES), 1.0), rtol=1e-5)


SPINODAL = np.array(
    [
        [0.1, 0.4056],
        [0.2, 0.4772],
        [0.3, 0.5340],
        [0.4, 0.5852],
        [0.5, 0.6345],
        [0.6, 0.6843],
        [0.7, 0.7370],
        [0.8, 0.7960],
        [0.9, 0.8685],
    ]
)


RISING = np.concatenate([np.geomspace(0.002, 0.5, 20), 1 - np.geomspace(0.5, 0.002, 20)[1:], [1.0]])


@cache
def spinodals():
    """Values and slopes at the reference points, and values along the whole axis, from one program."""
    with jax.enable_x64(False):
        ratios = jnp.asarray(np.concatenate([SPINODAL[:, 0], RISING]), jnp.float32)
        values, slopes = jax.jit(lambda x: jax.jvp(spinodal, (x,), (jnp.ones_like(x),)))(ratios)
    split = len(SPINODAL)
    return np.asarray(values[:split]), np.asarray(values[split:]), np.asarray(slopes[:split])


def test_spinodal_reference_values():
    values, _, slopes = spinodals()
    np.testing.assert_allclose(values, SPINODAL[:, 1], atol=6e-5)
    central = (SPINODAL[2:, 1] - SPINODAL[:-2, 1]) / (SPINODAL[2:, 0] - SPINODAL[:-2, 0])
    np.testing.assert_allclose(slopes[1:-1], central, rtol=0.05)


def test_spinodal_separates_exact_recovery_from_failure(float64):
    ratio, limit = SPINODAL[::2, 0], spinodals()[0][::2].astype(float)
    below = fixed_points(ratio, 0.995 * limit, 0.0)
    above = fixed_points(ratio, 1.005 * limit, 0.0)
    np.testing.assert_array_equal(below.algorithmic, 0)
    np.testing.assert_array_equal(below.free_energy_gap, 0)
    assert bool(jnp.all(above.algorithmic > 1e-5))
    # Exact recovery is still the better fixed point: the problem is hard, not impossible.
    np.testing.assert_array_equal(above.optimal, 0)
    np.testing.assert_array_equal(above.free_energy_gap, np.inf)


def test_order_of_the_limits():
    limit = spinodals()[1]
    assert np.all(np.asarray(donoho_tanner_weak(RISING))[:-1] < limit[:-1])
    assert np.all(np.diff(limit) > 0)
    assert limit[-1] == 1
    assert limit.dtype == np.float32


def _free_energy(t, ratio, density, noise_variance):
    """Replica-symmetric mutual information per coordinate, from the entropy of the scalar channel."""

    def surprise(y):
        marginal = density * norm.pdf(y, scale=np.sqrt(1 + t)) + (1 - density) * norm.pdf(y, scale=np.sqrt(t))
        return -marginal * np.log(marginal)

    edges = np.unique(np.concatenate([np.sqrt(t) * np.array([0, 1, 2, 3, 4, 5, 6, 8]), [1, 2, 4, 9]]))
    entropy = 2 * sum(quad(surprise, a, b, epsabs=1e-13)[0] for a, b in pairwise(edges))
    channel = entropy - 0.5 * np.log(2 * np.pi * np.e * t)
    return channel + 0.5 * ratio * (np.log(t / noise_variance) - 1 + noise_variance / t)


def test_free_energy_gap_is_that_of_the_replica_potential(float64):
    ratio, noise, sparsity = 0.5, 0.01, np.array([0.6, 0.66, 0.68, 0.7, 0.72])
    points = fixed_points(ratio, sparsity, noise)
    for i in (1, 2):
        density = ratio * sparsity[i]
        ends = (float(q[i]) for q in (points.algorithmic, points.informed))
        high, low = (_free_energy(noise**2 + q / ratio, ratio, density, noise**2) for q in ends)
        assert abs(high - low) > 1e-3
        np.testing.assert_allclose(points.free_energy_gap[i], high - low, rtol=1e-6)


def test_noisy_information_limit(float64):
    ratio, limit = 0.5, information_limit_at(tuple(NOISES), 1.0)
    assert float(limit[0]) == 1
    assert bool(jnp.isnan(limit[-1]))
    # One shape for all calls: the two ends without a noisy transition stand in for a copy of their neighbour.
    inner = np.array([1, 1, 2, 3, 3])
    noise, limit = NOISES[inner], limit[inner].astype(float)
    assert np.all(np.diff(limit)[1:3] < 0)
    below, at, above = (fixed_points(ratio, limit + shift, noise) for shift in (-1e-3, 0.0, 1e-3))
    assert bool(jnp.all(below.free_energy_gap > 0))
    assert bool(jnp.all(above.free_energy_gap < 0))
    np.testing.assert_allclose(at.free_energy_gap, 0, atol=1e-5)
    np.testing.assert_allclose(below.optimal, below.informed)
    np.testing.assert_allclose(above.optimal, above.algorithmic)
    # Message passing fails before information does.
    assert bool(jnp.all(below.algorithmic > 3 * below.informed))


def test_jit_vmap_agrees_with_arrays_in_double():
    ratio, sparsity, noise = (jnp.asarray(column, jnp.float32) for column in NOISY.T[:3])
    lanes = jax.jit(jax.vmap(bernoulli_gauss_fixed_points))(ratio, sparsity, noise)
    assert lanes.algorithmic.dtype == jnp.float32
    with jax.enable_x64(True):
        whole = fixed_points(*NOISY.T[:3])
    for a, b in zip(whole, lanes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_gradients_match_finite_differences(float64):
    noise, others = jnp.linspace(0.02, 0.5, 5), [jnp.full(5, x, jnp.float64) for x in (0.5, 0.3)]
    program = fixed_points_and_slope()
    (_, slope), (above, _), (below, _) = (program(*others, noise + shift, jnp.ones(5)) for shift in (0, 1e-6, -1e-6))
    np.testing.assert_allclose(slope.algorithmic, (above.algorithmic - below.algorithmic) / 2e-6, rtol=1e-5)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"sampling_ratio must lie in \(0, 1\]; got 2.0"):
        spinodal(2.0)
    with pytest.raises(ValueError, match="variance"):
        bernoulli_gauss_mmse(0.1, 1.0, 0.0)
    with pytest.raises(ValueError, match="noise"):
        information_limit(0.5, -1.0)
