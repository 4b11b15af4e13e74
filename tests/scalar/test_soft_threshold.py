"""Soft-thresholding state evolution and the LASSO: quadrature, Monte Carlo, reference values and limits."""

from functools import cache, partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from recover.theory import (
    donoho_tanner_weak,
    lasso_calibration,
    lasso_minimum_mse,
    minimax_risk,
    minimax_threshold,
    noise_sensitivity,
    soft_threshold_active_fraction,
    soft_threshold_fixed_point,
    soft_threshold_mse,
    soft_threshold_state_evolution,
)

LAWS = [("gaussian", False), ("signs", False), ("uniform", False), ("nonnegative", False), ("nonnegative", True)]
laws = pytest.mark.parametrize(("amplitudes", "nonnegative"), LAWS)


# One law per branch of the code: "nonnegative" under the signed threshold is "gaussian", and "uniform" takes the
# quadrature that "nonnegative" takes.
distinct_laws = pytest.mark.parametrize(("amplitudes", "nonnegative"), [*LAWS[:2], LAWS[4]])


@cache
def calibration_and_slope(amplitudes, nonnegative):
    """`lasso_calibration` with its derivative in the noise, as one program: most of the time here is compilation."""

    def program(ratio, sparsity, noise, threshold):
        def predict(noise):
            options = {"amplitudes": amplitudes, "nonnegative": nonnegative}
            return lasso_calibration(ratio, sparsity, noise, threshold, **options)

        return jax.jvp(predict, (noise,), (jnp.ones_like(noise),))

    program = jax.jit(program)
    return lambda *arguments: program(*(jnp.broadcast_to(jnp.asarray(a, jnp.float64), (3,)) for a in arguments))


def _amplitudes(rng, law, size):
    draws = {
        "gaussian": lambda: rng.standard_normal(size),
        "signs": lambda: rng.choice([-1.0, 1.0], size),
        "uniform": lambda: rng.uniform(-1, 1, size),
        "nonnegative": lambda: np.abs(rng.standard_normal(size)),
    }
    return draws[law]()


def _threshold(v, t, nonnegative):
    return np.maximum(v - t, 0) if nonnegative else np.sign(v) * np.maximum(np.abs(v) - t, 0)


@laws
@pytest.mark.parametrize("variance", [0.01, 0.5, 20.0])
def test_mse_and_active_fraction_by_monte_carlo(amplitudes, nonnegative, variance):
    rng = np.random.default_rng(7)
    size, density, threshold = 200_000, 0.3, 1.1
    x = _amplitudes(rng, amplitudes, size) * (rng.random(size) < density)
    observed = x + np.sqrt(variance) * rng.standard_normal(size)
    estimate = _threshold(observed, threshold * np.sqrt(variance), nonnegative)
    samples = {
        soft_threshold_mse: (estimate - x) ** 2,
        soft_threshold_active_fraction: (estimate != 0).astype(float),
    }
    for predict, sample in samples.items():
        predicted = predict(variance, threshold, density, amplitudes, nonnegative)
        assert abs(float(predicted) - sample.mean()) < 4 * sample.std() / np.sqrt(size)


def _risk(mu, threshold, nonnegative):
    """Risk at a fixed amplitude and unit noise, integrated over the noise between its kinks."""
    edges = [-12, *sorted({threshold - mu, -threshold - mu}), 12]
    edges = np.clip(edges, -12, 12)

    def integrand(z):
        return (_threshold(mu + z, threshold, nonnegative) - mu) ** 2 * norm.pdf(z)

    return sum(quad(integrand, a, b)[0] for a, b in pairwise(edges))


@laws
@pytest.mark.parametrize("tau", [0.05, 0.7])
def test_mse_by_numerical_integration(float64, amplitudes, nonnegative, tau):
    threshold = 1.3
    if amplitudes == "signs":
        slab = _risk(1 / tau, threshold, nonnegative)
    else:
        top = 1.0 if amplitudes == "uniform" else 7.0
        nodes, weights = np.polynomial.legendre.leggauss(12)
        slab = 0.0
        for a, b in pairwise(np.unique(np.minimum([0, 3 * tau, 6 * tau, 10 * tau, 2, 4, top], top))):
            x = a + (b - a) * 0.5 * (nodes + 1)
            height = np.ones_like(x) if amplitudes == "uniform" else 2 * norm.pdf(x)
            risks = np.array([_risk(value / tau, threshold, nonnegative) for value in x])
            slab += 0.5 * (b - a) * np.sum(weights * height * risks)
    computed = soft_threshold_mse(tau**2, threshold, 1.0, amplitudes, nonnegative)
    np.testing.assert_allclose(computed, tau**2 * slab, rtol=1e-6)


@laws
def test_relative_accuracy_survives_small_noise_in_single_precision(amplitudes, nonnegative):
    variances = np.geomspace(1e-12, 1e3, 31)
    single = soft_threshold_mse(variances, 1.2, 0.2, amplitudes, nonnegative)
    with jax.enable_x64(True):
        double = np.asarray(soft_threshold_mse(variances, 1.2, 0.2, amplitudes, nonnegative))
    np.testing.assert_allclose(single, double, rtol=2e-5)
    # To first order every nonzero is far above the noise.
    null = 2 * ((1 + 1.44) * norm.sf(1.2) - 1.2 * norm.pdf(1.2)) / (2 if nonnegative else 1)
    np.testing.assert_allclose(double[0] / 1e-12, 0.8 * null + 0.2 * 2.44, rtol=1e-5)


REFERENCE = np.array(
    [
        # sampling ratio, relative sparsity, noise, mse / density, threshold, penalty, effective variance
        [0.5, 0.20, 0.10, 0.06730, 1.24, 0.0841, 0.023459],
        [0.5, 0.20, 0.30, 0.34461, 1.44, 0.3510, 0.158923],
        [0.3, 0.20, 0.10, 0.09390, 1.45, 0.0929, 0.028780],
        [0.5, 0.35, 0.10, 0.10680, 1.06, 0.0543, 0.047379],
        [0.7, 0.40, 0.05, 0.02870, 0.79, 0.0175, 0.013981],
    ]
)


def test_lasso_reference_values():
    ratio, sparsity, noise, error, threshold, penalty, variance = REFERENCE.T
    ratios, sparsities, noises = (jnp.asarray(column, jnp.float32) for column in REFERENCE.T[:3])
    program = jax.jit(lambda x: jax.jvp(partial(lasso_minimum_mse, ratios, sparsities), (x,), (jnp.ones_like(x),)))
    best, slope = program(noises)
    np.testing.assert_allclose(np.asarray(best.mse) / (ratio * sparsity), error, atol=1e-5)
    np.testing.assert_allclose(best.effective_variance, variance, atol=2e-6)
    np.testing.assert_allclose(best.threshold, threshold, atol=6e-3)
    # The reference lists the penalty at the threshold rounded to two digits.
    there = lasso_calibration(ratio, sparsity, noise, threshold)
    np.testing.assert_allclose(there.penalty, penalty, atol=6e-5)
    np.testing.assert_allclose(there.mse, best.mse, rtol=1e-4)
    above, below = (program(noises + shift)[0].mse for shift in (2e-3, -2e-3))
    np.testing.assert_allclose(slope.mse, (above - below) / 4e-3, rtol=5e-3)


def test_active_fraction_reference_value(float64):
    """A simulation with n = 2000 found 0.1790 where 0.1783 is predicted."""
    prediction, _ = calibration_and_slope("gaussian", False)(0.5, 0.2, 0.1, np.array([1.6, 1.6, 1.6]))
    np.testing.assert_allclose(prediction.active_fraction, 0.1783, atol=1e-4)
    np.testing.assert_allclose(prediction.mse, 0.00831, atol=1e-5)


@distinct_laws
def test_calibration_is_consistent(float64, amplitudes, nonnegative):
    ratio, sparsity, noise = 0.6, 0.25, 0.2
    thresholds = np.array([0.9, 1.3, 2.0])
    calibrate = calibration_and_slope(amplitudes, nonnegative)
    prediction, slope = calibrate(ratio, sparsity, noise, thresholds)
    np.testing.assert_allclose(prediction.mse, ratio * (prediction.effective_variance - noise**2), rtol=1e-9)
    options = {"amplitudes": amplitudes, "nonnegative": nonnegative}
    trajectory = soft_threshold_state_evolution(ratio, sparsity, noise, thresholds, 200, **options)
    assert trajectory.shape == (3, 201)
    np.testing.assert_allclose(trajectory[:, 0], 0.15)
    np.testing.assert_allclose(trajectory[:, -1], prediction.mse, rtol=1e-9)
    assert bool(jnp.all(jnp.diff(prediction.penalty) > 0))
    above, below = (calibrate(ratio, sparsity, noise + shift, thresholds)[0] for shift in (1e-6, -1e-6))
    for name in ("mse", "penalty", "active_fraction"):
        difference = (getattr(above, name) - getattr(below, name)) / 2e-6
        np.testing.assert_allclose(getattr(slope, name), difference, rtol=1e-6, err_msg=name)


def test_trajectory_of_uniform_amplitudes():
    trajectory = soft_threshold_state_evolution(0.5, 0.2, 0.1, 1.2, 2, amplitudes="uniform")
    np.testing.assert_allclose(trajectory[0], 0.1 / 3, rtol=1e-6)
    step = soft_threshold_mse(0.01 + trajectory[1] / 0.5, 1.2, 0.1, "uniform")
    np.testing.assert_allclose(trajectory[2], step, rtol=1e-5)


@distinct_laws
def test_noiseless_recovery_changes_at_the_transition(float64, amplitudes, nonnegative):
    """With the minimax threshold the transition does not depend on the law of the amplitudes."""
    ratio = np.array([0.1, 0.5, 0.9])
    transition = np.asarray(donoho_tanner_weak(ratio, nonnegative))
    threshold = minimax_threshold(ratio, nonnegative)
    calibrate = calibration_and_slope(amplitudes, nonnegative)
    assert bool(jnp.all(calibrate(ratio, 0.98 * transition, 0.0, threshold)[0].mse < 1e-12))
    assert bool(jnp.all(calibrate(ratio, 1.02 * transition, 0.0, threshold)[0].mse > 1e-7))


def test_large_amplitudes_attain_the_minimax_noise_sensitivity(float64):
    """Amplitudes far above the noise are least favourable, and the LASSO tuned to the density attains the bound."""
    noise, sparsity = 1e-3, np.array([0.1, 0.25, 0.35])
    # The threshold that is best for a density is the one minimax at the ratio where that density is critical.
    threshold = minimax_threshold(minimax_risk(0.5 * sparsity))
    prediction, _ = calibration_and_slope("signs", False)(0.5, sparsity, noise, threshold)
    np.testing.assert_allclose(prediction.mse / noise**2, noise_sensitivity(0.5, sparsity), rtol=1e-9)


def test_thresholds_at_both_ends(float64):
    """Too low a threshold never settles; a very high one returns zero."""
    prediction, _ = calibration_and_slope("gaussian", False)(0.3, 0.1, 0.1, np.array([0.0, 0.2, 12.0]))
    np.testing.assert_array_equal(prediction.mse[:2], np.inf)
    np.testing.assert_array_equal(prediction.penalty[:2], -np.inf)
    np.testing.assert_allclose(prediction.mse[2], 0.03, rtol=1e-3)
    assert float(prediction.active_fraction[2]) < 1e-5


def test_jit_vmap_and_eager_agree():
    columns = [jnp.asarray(column, jnp.float32) for column in REFERENCE.T[[0, 1, 2, 4]]]
    whole = lasso_calibration(*columns)
    lanes = jax.jit(jax.vmap(lasso_calibration))(*columns)
    for a, b in zip(whole, lanes, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
        assert a.dtype == jnp.float32
    np.testing.assert_array_equal(soft_threshold_fixed_point(*columns), whole.mse)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"amplitudes must be one of .*'gaussian'"):
        soft_threshold_mse(1.0, 1.0, 0.1, "gauss")
    with pytest.raises(ValueError, match="nonnegative=True"):
        soft_threshold_mse(1.0, 1.0, 0.1, "signs", nonnegative=True)
    with pytest.raises(ValueError, match=r"density must lie in \[0, 1\]; got 1.2"):
        soft_threshold_mse(1.0, 1.0, 1.2)
    with pytest.raises(ValueError, match="noise"):
        soft_threshold_fixed_point(0.5, 0.2, -0.1, 1.0)
    with pytest.raises(ValueError, match=r"relative_sparsity \* sampling_ratio"):
        soft_threshold_fixed_point(0.8, 1.5, 0.1, 1.0)
