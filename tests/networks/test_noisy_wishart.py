"""The limiting spectrum against NumPy's roots of its cubic, random matrices, and its own moments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover import theory
from recover.networks.spectral_denoisers import wishart_shrinkage, wishart_shrinkage_error

# Compiled once for all points: shapes and dtypes are the same.
density = jax.jit(theory.noisy_wishart_density)
edges_of = jax.jit(theory.noisy_wishart_edges)
error_of = jax.jit(theory.matrix_denoising_error)
shrinkage = jax.jit(wishart_shrinkage)
spectrum = jax.jit(theory.noisy_wishart_spectrum)

# One interval and two, small and large variance, narrow and wide.
POINTS = [(0.6, 0.5), (0.01, 0.5), (1e-4, 0.5), (0.1, 1.0), (0.3, 3.0), (5.0, 0.1), (200.0, 0.02), (1e-3, 5.0)]


def transform(x, variance, ratio):
    """The root of the cubic with the largest imaginary part."""
    roots = np.roots([variance, -(x + ratio * variance), 1 - ratio + ratio * x, -ratio])
    return roots[np.argmax(roots.imag)]


def inside(variance, ratio, count=40):
    """Points of the support, a little away from its edges."""
    ends = np.asarray(edges_of(variance, ratio))
    both = ends if ends[1, 1] > ends[1, 0] else np.repeat(ends[:1], 2, axis=0)
    return np.concatenate([np.linspace(*end, count + 2)[1:-1] for end in both])


@pytest.mark.parametrize(("variance", "ratio"), POINTS)
def test_density_and_shrinkage_are_the_complex_root(float64, variance, ratio):
    x = inside(variance, ratio)
    roots = np.array([transform(point, variance, ratio) for point in x])
    scale = max(np.abs(roots.imag))
    np.testing.assert_allclose(density(x, variance, ratio), roots.imag / np.pi, atol=1e-5 * scale)
    shrunken = shrinkage(jnp.asarray(x), jnp.asarray(variance), jnp.asarray(ratio))
    np.testing.assert_allclose(shrunken, x - 2 * variance * roots.real, atol=1e-8 * np.abs(x).max())


@pytest.mark.parametrize(("variance", "ratio"), POINTS)
def test_shrinkage_in_single_precision(variance, ratio):
    spread = 2 * np.sqrt(variance)
    # The whole line: outliers on both sides, and gaps.
    x = np.linspace(-2 * spread - 0.5, (1 + ratio**-0.5) ** 2 + 2 * spread, 301)
    single = shrinkage(jnp.asarray(x, jnp.float32), jnp.float32(variance), jnp.float32(ratio))
    assert single.dtype == jnp.float32
    expected = np.array([reference(point, variance, ratio) for point in x])
    # A step of the root's branch at the edge of a gap may move by rounding of x; elsewhere six digits are kept.
    error = np.abs(np.asarray(single) - expected) / np.abs(x).max()
    assert np.quantile(error, 0.97) < 2e-6
    assert np.all(np.asarray(single) >= 0)


def reference(x, variance, ratio):
    """The real root of the cubic of the shrunken eigenvalue, from NumPy in double precision."""
    shift = ratio * variance
    roots = np.roots([1, 2 * shift - x, shift * (shift - x) + (1 - ratio) * variance, -(shift**2)])
    real = np.sort(roots[np.abs(roots.imag) < 1e-7 * np.abs(roots).max()].real)
    if len(real) == 1:
        return real[0]
    return real[0] - real[1] + real[2] if real[0] > 0 else real[2]


@pytest.mark.parametrize(("variance", "ratio"), POINTS)
def test_moments_and_both_forms_of_the_error(float64, variance, ratio):
    law = spectrum(variance, ratio)
    mean = lambda values: float(np.sum(np.asarray(law.weight) * np.asarray(values)))  # noqa: E731
    assert mean(1.0) == pytest.approx(1, abs=1e-10)
    assert mean(law.eigenvalue) == pytest.approx(1, abs=1e-8)
    assert mean(law.eigenvalue**2) == pytest.approx(1 + 1 / ratio + variance, rel=1e-9)
    assert mean(law.shrunken) == pytest.approx(1, abs=1e-8)
    cubed = variance - 4 * np.pi**2 / 3 * variance**2 * mean(law.density**2)
    found = float(error_of(variance, ratio))
    assert found == pytest.approx(cubed, rel=1e-6, abs=1e-9 * variance**2)
    assert found == pytest.approx(1 + 1 / ratio - mean(law.shrunken**2), rel=1e-6, abs=1e-8 / ratio)


def test_error_at_the_ends(float64):
    ratio = np.array([0.1, 0.5, 1.0, 4.0])
    small = np.asarray(error_of(1e-9, ratio)) / 1e-9
    np.testing.assert_allclose(small, 1 - np.maximum(1 - ratio, 0) ** 2, atol=2e-3)
    np.testing.assert_allclose(error_of(1e7, ratio), 1 / ratio, rtol=1e-5)


def test_error_in_single_precision():
    variance = np.geomspace(1e-6, 1e5, 23)
    single = np.asarray(error_of(variance.astype(np.float32), np.float32(0.5)))
    with jax.enable_x64(True):
        double = np.asarray(error_of(variance, 0.5))
    np.testing.assert_allclose(single, double, rtol=2e-4)


@pytest.mark.parametrize(("variance", "ratio"), [(0.6, 0.5), (0.02, 0.3), (0.3, 2.0)])
def test_random_matrices_have_this_spectrum_and_error(variance, ratio):
    dimension, generator = 600, np.random.default_rng(0)
    weights = generator.standard_normal((int(ratio * dimension), dimension))
    truth = weights.T @ weights / len(weights)
    noise = generator.standard_normal((dimension, dimension))
    observed = truth + np.sqrt(variance / 2 / dimension) * (noise + noise.T)
    values, vectors = np.linalg.eigh(observed)
    t, kappa = jnp.float32(variance), jnp.float32(ratio)
    shrunken = shrinkage(jnp.asarray(values, jnp.float32), t, kappa)
    estimate = (vectors * np.asarray(shrunken, float)) @ vectors.T
    found = np.sum((estimate - truth) ** 2) / dimension
    predicted = float(error_of(t, kappa))
    assert found == pytest.approx(predicted, rel=0.03)
    assert float(wishart_shrinkage_error(shrunken, t, kappa)) == pytest.approx(predicted, rel=0.03)
    edges = np.asarray(edges_of(variance, ratio))
    share = np.mean(values < (edges[0, 1] + edges[1, 0]) / 2)
    law = spectrum(t, kappa)
    expected = float(np.sum(np.where(law.eigenvalue < (edges[0, 1] + edges[1, 0]) / 2, law.weight, 0)))
    assert share == pytest.approx(expected, abs=5e-3)


def test_gap_opens_where_it_should(float64):
    ratio = 0.3
    critical = (1 - ratio ** (1 / 3)) ** 3 / ratio**2
    two = np.asarray(edges_of(0.99 * critical, ratio))
    one = np.asarray(edges_of(1.01 * critical, ratio))
    assert two[0, 1] < two[1, 0]
    assert one[1, 0] == one[1, 1] == one[0, 1]


@pytest.mark.parametrize("bad", [{"variance": 0.0}, {"ratio": -1.0}])
def test_impossible_arguments_are_refused(bad):
    with pytest.raises(ValueError, match="must lie in"):
        theory.matrix_denoising_error(**{"variance": 0.1, "ratio": 0.5, **bad})
