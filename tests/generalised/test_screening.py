"""Mutual information against NumPy, a Gaussian pair and scikit-learn; rankings against scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mutual_info_score, roc_auc_score

import recover as rc
from recover.generalised.mutual_information import (
    absolute_correlation,
    histogram_mutual_information,
    kernel_mutual_information,
    number_of_bins,
)

GENERATOR = np.random.default_rng(1)
ROWS, DATA = 320, 300
NOISE = GENERATOR.standard_normal((2, ROWS)).astype(np.float32)
MASK = jnp.arange(ROWS) < DATA


def pair(correlation):
    """Correlated Gaussian samples, and rows beyond the data that would change any answer."""
    x, y = NOISE[0], correlation * NOISE[0] + np.sqrt(1 - correlation**2) * NOISE[1]
    return tuple(jnp.asarray(np.where(MASK, each, 50), jnp.float32) for each in (x, y))


def bins_by_hand(values, most):
    shares = (values - values.min()) / (values.max() - values.min())
    merits = []
    for bins in range(2, most + 1):
        counts = np.histogram(shares, bins, (0, 1))[0]
        counts = counts[counts > 0]
        merit = np.sum(counts * np.log(counts)) + len(values) * np.log(bins)
        merits.append(merit - (bins - 1 + np.log(bins) ** 2.5))
    return 2 + int(np.argmax(merits))


@pytest.mark.parametrize("shape", [lambda v: v, np.exp, np.sign])
def test_number_of_bins(shape):
    values = jnp.asarray(shape(np.asarray(pair(0.5)[1])))
    assert int(jax.jit(number_of_bins, static_argnums=2)(values, MASK, 40)) == bins_by_hand(
        np.asarray(values[:DATA]), 40
    )


def test_histograms():
    x, y = pair(0.7)
    labels = [
        np.digitize(each, np.linspace(each.min(), each.max(), bins_by_hand(each, 30) + 1)[1:-1])
        for each in map(np.asarray, (x[:DATA], y[:DATA]))
    ]
    found = jax.jit(histogram_mutual_information, static_argnums=3)(x, y, MASK, 30)
    np.testing.assert_allclose(found, mutual_info_score(*labels), rtol=1e-4)


def test_kernels():
    """The density at every point of the grid, with the data where they are: binning costs little."""
    x, y = (np.asarray(each[:DATA], float) for each in pair(0.7))
    kernels = []
    for each in (x, y):
        bandwidth = each.std() * DATA ** (-1 / 6)
        grid = np.linspace(each.min() - 3 * bandwidth, each.max() + 3 * bandwidth, 128)
        kernels.append(np.exp(-(((grid[:, None] - each) / bandwidth) ** 2) / 2))
    joint = kernels[0] @ kernels[1].T
    joint /= joint.sum()
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    found = jax.jit(kernel_mutual_information, static_argnums=3)(*pair(0.7), MASK, 128)
    np.testing.assert_allclose(found, np.sum(joint * np.log(joint / apart)), rtol=2e-2)


def test_information_of_gaussian_pairs():
    """A kernel adds its variance to both of a pair: the information is that of a correlation of rho / (1 + h^2)."""
    found = {rho: float(kernel_mutual_information(*pair(rho), MASK)) for rho in (0.0, 0.5, 0.9)}
    assert found[0.0] < found[0.5] < found[0.9]
    smoothed = 0.9 / (1 + DATA ** (-1 / 3))
    assert abs(found[0.9] + np.log(1 - smoothed**2) / 2) < 0.05


def test_constant_columns_say_nothing():
    x, y = jnp.ones(ROWS), jnp.asarray(pair(0.5)[1])
    for statistic in (kernel_mutual_information, histogram_mutual_information, absolute_correlation):
        assert float(statistic(x, y, MASK)) == pytest.approx(0, abs=1e-5)


def test_correlation_and_error():
    np.testing.assert_allclose(
        absolute_correlation(*pair(-0.7), MASK),
        abs(np.corrcoef(*(each[:DATA] for each in pair(-0.7)))[0, 1]),
        rtol=1e-4,
    )
    model = rc.models.ScreenedFeatures(8, 30, 3)
    truth, scores = jnp.float32([1, 0, 0, 1, 0, 1, 0, 0]), jnp.float32([3, 1, 3, 2, 2, 0.5, 0, 1])
    assert float(model.error(truth, scores)) == pytest.approx(1 - roc_auc_score(truth, scores))


def test_kernels_see_squares_and_correlations_do_not():
    model = rc.models.ScreenedFeatures(60, 600, 10, shape="squared")
    problem, truth = model.sample(jax.random.key(0))
    errors = {
        name: float(model.error(truth, rc.solve(problem, rc.solvers.MarginalScreening(name)).value))
        for name in ("kernel", "correlation")
    }
    assert errors["kernel"] < 0.1
    assert errors["correlation"] > 0.2
