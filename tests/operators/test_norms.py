"""Norms against dense linear algebra."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

from recover.operators import SubsampledCirculant, SubsampledCosine, mean_column_norm, spectral_norm


def test_spectral_norm_of_a_gaussian_matrix(dtype, generator):
    matrix = jnp.asarray(generator.normal(size=(50, 120)) / np.sqrt(50), dtype)
    got = spectral_norm(lx.MatrixLinearOperator(matrix), jax.random.key(0))
    assert got.dtype == dtype
    exact = np.linalg.norm(matrix, 2)
    assert 0.98 * exact < got < (1 + 1e-6) * exact


def test_spectral_norm_of_a_complex_matrix(generator):
    with jax.enable_x64(True):
        matrix = generator.normal(size=(8, 5)) + 1j * generator.normal(size=(8, 5))
        got = spectral_norm(lx.MatrixLinearOperator(jnp.asarray(matrix)), jax.random.key(1), steps=400)
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, np.linalg.norm(matrix, 2), rtol=1e-6)


def test_spectral_norm_of_structured_and_composed_operators(generator):
    indices = generator.choice(64, 20, replace=False)
    cosine = SubsampledCosine(indices, 64, dtype="float32")
    np.testing.assert_allclose(spectral_norm(cosine, jax.random.key(2), steps=3), 1, rtol=1e-5)
    scale = jnp.asarray(generator.uniform(0.1, 2, size=20), jnp.float32)
    composed = lx.DiagonalLinearOperator(scale) @ cosine
    np.testing.assert_allclose(spectral_norm(composed, jax.random.key(2), steps=200), scale.max(), rtol=1e-3)


def test_spectral_norm_under_jit_vmap_and_grad(generator):
    with jax.enable_x64(True):
        matrices = jnp.asarray(generator.normal(size=(3, 6, 4)))

        def norm(matrix, key):
            return spectral_norm(lx.MatrixLinearOperator(matrix), key, steps=300)

        keys = jax.random.split(jax.random.key(3), 3)
        got = jax.jit(jax.vmap(norm))(matrices, keys)
        np.testing.assert_allclose(got, [np.linalg.norm(matrix, 2) for matrix in matrices], rtol=1e-8)
        left, _, right = np.linalg.svd(matrices[0])
        gradient = jax.jit(jax.grad(norm))(matrices[0], keys[0])
        np.testing.assert_allclose(gradient, np.outer(left[:, 0], right[0]), atol=1e-5)


def test_zero_and_not_finite():
    zero = lx.MatrixLinearOperator(jnp.zeros((3, 4)))
    assert spectral_norm(zero, jax.random.key(4)) == 0
    assert mean_column_norm(zero) == 0
    assert jnp.isnan(spectral_norm(lx.MatrixLinearOperator(jnp.full((3, 4), jnp.nan)), jax.random.key(4)))


def test_operators_on_pytrees():
    operator = lx.DiagonalLinearOperator({"first": jnp.array([1.0, -3.0]), "second": jnp.ones((2, 2))})
    np.testing.assert_allclose(spectral_norm(operator, jax.random.key(5)), 3, rtol=1e-5)
    np.testing.assert_allclose(mean_column_norm(operator, jax.random.key(5)), np.sqrt(14 / 6), rtol=1e-6)


def test_mean_column_norm_is_exact_for_a_matrix(dtype, generator):
    matrix = jnp.asarray(generator.normal(size=(7, 5)), dtype)
    got = mean_column_norm(lx.MatrixLinearOperator(matrix))
    assert got.dtype == dtype
    np.testing.assert_allclose(got, np.sqrt(np.mean(np.sum(np.asarray(matrix) ** 2, axis=0))), rtol=1e-6)


def test_mean_column_norm_by_probes(generator):
    column = jnp.asarray(generator.normal(size=200), jnp.float32)
    operator = SubsampledCirculant(generator.choice(200, 60, replace=False), column)
    exact = float(jnp.linalg.norm(operator.as_matrix()) / np.sqrt(200))
    estimates = jax.jit(jax.vmap(lambda key: mean_column_norm(operator, key)))(jax.random.split(jax.random.key(6), 50))
    error = estimates**2 - exact**2
    assert abs(float(error.mean())) < 4 * float(error.std()) / np.sqrt(50)
    assert jnp.all(jnp.abs(estimates / exact - 1) < 0.2)


def test_errors():
    operator = SubsampledCosine([0, 1], 4)
    with pytest.raises(ValueError, match=r"SubsampledCosine.*a key is needed"):
        mean_column_norm(operator)
    with pytest.raises(ValueError, match=r"probes=0.*at least 1"):
        mean_column_norm(operator, jax.random.key(0), probes=0)
    with pytest.raises(ValueError, match=r"steps=0.*at least 1"):
        spectral_norm(operator, jax.random.key(0), steps=0)
