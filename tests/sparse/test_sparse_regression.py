import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.sizes import capacity
from recover.operators.ensembles import Conditioned, Correlated
from tests.compiled import compiled

SparseRegression = rc.models.SparseRegression


def matrix(model, seed=0):
    return np.asarray(model.sample(jax.random.key(seed))[0].operator.as_matrix(), np.float64)


@pytest.mark.parametrize("amplitudes", rc.models.AMPLITUDES)
def test_truth_has_the_right_sparsity_and_law(amplitudes):
    model = SparseRegression(4000, 10, 3000, amplitudes=amplitudes)
    _, truth = model.sample(jax.random.key(0))
    values = np.asarray(truth[truth != 0])
    assert len(values) == 3000
    mean, power = {
        "gaussian": (0, 1),
        "signs": (0, 1),
        "uniform": (0, 1 / 3),
        "nonnegative": (np.sqrt(2 / np.pi), 1),
    }[amplitudes]
    assert abs(values.mean() - mean) < 0.1
    assert abs((values**2).mean() - power) < 0.1


def test_noise_has_the_given_standard_deviation():
    model = SparseRegression(100, 5000, 3, noise=0.25)
    problem, truth = model.sample(jax.random.key(1))
    assert abs(float(jnp.std(problem.residual(truth))) - 0.25) < 0.25 * 4 / np.sqrt(2 * 5000)
    np.testing.assert_allclose(problem.noise, 0.25)


def test_snr_is_what_it_says():
    model = SparseRegression(100, 5000, 5, snr=10.0)
    problem, truth = model.sample(jax.random.key(1))
    ratio = jnp.sum(problem.operator.mv(truth) ** 2) / jnp.sum(problem.residual(truth) ** 2)
    assert abs(10 * np.log10(float(ratio)) - 10) < 0.3


def test_correlated_rows_have_autoregressive_covariance():
    for correlation in (-0.6, 0.0, 0.8):
        rows = matrix(SparseRegression(6, 40_000, 1, ensemble="correlated", correlation=correlation))
        covariance = rows.T @ rows
        expected = correlation ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
        np.testing.assert_allclose(covariance, expected, atol=5 / np.sqrt(40_000))


@pytest.mark.parametrize("condition_number", [1.0, 30.0])
def test_conditioned_designs_have_the_given_spectrum(condition_number):
    model = SparseRegression(60, 20, 1, ensemble="conditioned", condition_number=condition_number)
    values = np.linalg.svd(matrix(model), compute_uv=False)
    np.testing.assert_allclose(values[0] / values[-1], condition_number, rtol=1e-4)
    np.testing.assert_allclose(np.sum(values**2), 60, rtol=1e-4)
    ratios = values[1:] / values[:-1]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-3)


@pytest.mark.parametrize("ensemble", ["partial_dct", "partial_hadamard"])
def test_subsampled_transforms_have_orthogonal_rows(ensemble):
    rows = matrix(SparseRegression(64, 24, 1, ensemble=ensemble))
    np.testing.assert_allclose(rows @ rows.T, np.eye(24) * 64 / 24, atol=1e-4)


def test_circulant_rows_are_shifts_of_one_filter():
    rows = matrix(SparseRegression(32, 8, 1, ensemble="circulant"))
    spectra = np.abs(np.fft.rfft(rows, axis=1))
    np.testing.assert_allclose(spectra, spectra[:1].repeat(8, axis=0), atol=1e-4)


def test_rademacher_entries_are_signs():
    rows = matrix(SparseRegression(50, 30, 1, ensemble="rademacher"))
    np.testing.assert_allclose(np.abs(rows), 30**-0.5, rtol=1e-5)


def test_correlations_share_one_gaussian_draw():
    key = jax.random.key(2)
    first = SparseRegression(10, 5, 2, ensemble=Correlated(0.1)).design(key)
    second = SparseRegression(10, 5, 2, ensemble=Correlated(0.9)).design(key)
    np.testing.assert_array_equal(first, second)


def test_capacity_is_known_without_being_typed():
    assert capacity(SparseRegression(10, 5, 2), "samples") == 5
    with pytest.raises(ValueError, match="Build it outside from a number"):
        jax.jit(lambda m: SparseRegression(10, m, 2).sample(jax.random.key(0))[1])(5)


def test_error_is_relative_and_support_metrics_count():
    model = SparseRegression(4, 3, 2)
    truth = jnp.asarray([3.0, 0.0, -4.0, 0.0])
    estimate = jnp.asarray([3.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(compiled(model.error, truth, estimate), np.sqrt(17) / 5, rtol=1e-6)
    metrics = compiled(model.metrics, truth, estimate)
    assert float(metrics["false_discovery"]) == 0.5
    assert float(metrics["power"]) == 0.5
    assert float(metrics["signed_support"]) == 0
    assert float(metrics["support_size"]) == 2
    zero = jnp.zeros(4)
    assert float(compiled(model.error, zero, zero)) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dimension": 0}, "`dimension` is 0"),
        ({"samples": 0}, "`samples` is 0"),
        ({"samples": 2.5}, "`samples` is 2.5"),
        ({"sparsity": 65}, "`sparsity` is 65; an integer from 0 to 64"),
        ({"noise": -1.0}, "`noise` is -1"),
        ({"noise": float("nan")}, "`noise` is nan"),
        ({"noise": 1.0, "snr": 1.0}, "not both"),
        ({"amplitudes": "cauchy"}, "`amplitudes` is 'cauchy'; allowed: gaussian"),
        ({"ensemble": "wishart"}, "`ensemble` is 'wishart'; allowed: gaussian"),
        ({"ensemble": "partial_dct", "samples": 65}, "at most 64"),
        ({"ensemble": "partial_hadamard", "dimension": 60}, "powers of two, for instance 32 or 64"),
        ({"correlation": 0.5}, "has no such parameter"),
        ({"ensemble": "correlated", "correlation": 1.0}, "`correlation` is 1.0"),
        ({"ensemble": Conditioned(2.0), "condition_number": 3.0}, "belongs inside"),
        ({"ensemble": "conditioned", "condition_number": 0.5}, "`condition_number` is 0.5"),
    ],
)
def test_impossible_models_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SparseRegression(**{"dimension": 64, "samples": 32, "sparsity": 4, **arguments})
