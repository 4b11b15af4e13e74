"""The autoregressive factor: correlations, inverse recurrence, gradients, errors."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

from recover.operators import AutoregressiveFactor


@pytest.mark.parametrize("dimension", [1, 2, 5, 32])
@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.5, 0.99])
def test_factor_of_the_correlation_matrix(dimension, correlation):
    with jax.enable_x64(True):
        factor = AutoregressiveFactor(correlation, dimension).as_matrix()
        lags = np.abs(np.arange(dimension)[:, None] - np.arange(dimension)[None, :])
        np.testing.assert_allclose(factor.T @ factor, correlation**lags, atol=1e-12)


def test_design_has_correlated_rows_of_unit_variance():
    white = jax.random.normal(jax.random.key(5), (20_000, 6), jnp.float32)
    design = lx.MatrixLinearOperator(white) @ AutoregressiveFactor(jnp.float32(0.7), 6)
    rows = jax.jit(lambda design: design.as_matrix())(design)
    lags = np.abs(np.arange(6)[:, None] - np.arange(6)[None, :])
    np.testing.assert_allclose(rows.T @ rows / 20_000, 0.7**lags, atol=5 / np.sqrt(20_000))


def test_transpose_is_the_recurrence(generator):
    with jax.enable_x64(True):
        noise = generator.normal(size=50)
        expected = [noise[0]]
        for innovation in noise[1:]:
            expected.append(-0.8 * expected[-1] + 0.6 * innovation)
        got = AutoregressiveFactor(-0.8, 50).T.mv(jnp.asarray(noise))
        np.testing.assert_allclose(got, expected, atol=1e-13)


@pytest.mark.parametrize("correlation", [-0.5, 0.0])
def test_gradient_in_the_correlation(correlation, generator):
    with jax.enable_x64(True):
        x, z = jnp.asarray(generator.normal(size=(2, 11)))

        def inner(correlation):
            return jnp.vdot(z, AutoregressiveFactor(correlation, 11).mv(x))

        above, below, gradient = jax.jit(lambda c: (inner(c + 1e-6), inner(c - 1e-6), jax.grad(inner)(c)))(correlation)
        np.testing.assert_allclose(gradient, (above - below) / 2e-6, rtol=1e-7)


def test_correlation_is_swept_under_vmap_with_one_design(generator):
    with jax.enable_x64(False):
        white = jnp.asarray(generator.normal(size=(4, 9)), jnp.float32)
        x = jnp.asarray(generator.normal(size=9), jnp.float32)
        correlations = jnp.linspace(-0.9, 0.9, 5)

        def product(correlation):
            return (lx.MatrixLinearOperator(white) @ AutoregressiveFactor(correlation, 9)).mv(x)

        batched = jax.jit(jax.vmap(product))(correlations)
        alone = jax.jit(product)
        for i in range(5):
            np.testing.assert_allclose(batched[i], alone(correlations[i]), atol=1e-5)


@pytest.mark.parametrize("correlation", [1.0, -1.0, 2.0, float("nan")])
def test_correlation_outside_the_open_interval(correlation):
    with pytest.raises(ValueError, match=r"correlation=.*strictly between -1 and 1"):
        AutoregressiveFactor(correlation, 4)


def test_dimension_below_one():
    with pytest.raises(ValueError, match=r"AutoregressiveFactor\(dimension=0\).*at least 1"):
        AutoregressiveFactor(0.5, 0)
