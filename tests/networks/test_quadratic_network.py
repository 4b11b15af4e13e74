"""The planted quadratic network and its linear channel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from tests.compiled import compiled

MODEL = rc.models.QuadraticNetwork(10, 4, 70)


def test_outputs_without_noise_are_quadratic_forms_of_the_truth():
    problem, truth = MODEL.sample(jax.random.key(0))
    inputs = np.asarray(problem.inputs, float)
    expected = np.einsum("ia,ab,ib->i", inputs, np.asarray(truth, float), inputs) / 10
    np.testing.assert_allclose(problem.observations, expected, rtol=1e-4)
    assert np.linalg.matrix_rank(np.asarray(truth), tol=1e-4) == 4


def test_products_are_those_of_the_measurement_matrices():
    problem, _ = MODEL.sample(jax.random.key(1))
    inputs = np.asarray(problem.inputs, float)
    matrices = (inputs[:, :, None] * inputs[:, None, :] - np.eye(10)) / np.sqrt(10)
    generator = np.random.default_rng(0)
    matrix, values = generator.standard_normal((10, 10)).astype(np.float32), generator.standard_normal(70)
    matrix = (matrix + matrix.T) / 2
    np.testing.assert_allclose(
        problem.forward(jnp.asarray(matrix)), np.einsum("iab,ab->i", matrices, matrix), atol=1e-4
    )
    values = values.astype(np.float32)
    np.testing.assert_allclose(
        problem.adjoint(jnp.asarray(values)), np.einsum("iab,i->ab", matrices, values), atol=1e-3
    )
    # The operator on symmetric coordinates has the adjoint that goes with it.
    coordinates = jnp.asarray(generator.standard_normal(55), jnp.float32)
    left = jnp.vdot(problem.operator.mv(coordinates), jnp.asarray(values))
    right = jnp.vdot(coordinates, problem.adjoint_coordinates(jnp.asarray(values)))
    np.testing.assert_allclose(left, right, rtol=1e-4)
    np.testing.assert_allclose(
        problem.operator.T.mv(jnp.asarray(values)), problem.adjoint_coordinates(jnp.asarray(values)), atol=1e-3
    )


def test_the_linear_channel_has_the_noise_it_claims():
    model = rc.models.QuadraticNetwork(40, 20, 4000, noise=0.5)
    problem, truth = model.sample(jax.random.key(2))
    left = np.asarray(problem.centred - problem.forward(truth))
    assert np.var(left) == pytest.approx(float(problem.channel_noise), rel=0.1)
    assert abs(np.mean(left)) < 0.2
    assert float(problem.channel_noise) == pytest.approx(
        float(rc.theory.quadratic_network_channel_noise(0.5, 0.5)), rel=1e-6
    )
    assert float(jnp.mean(problem.observations)) == pytest.approx(1.25, abs=0.05)


def test_error_is_one_for_the_prior_mean_and_half_the_width_times_the_test_error():
    model = rc.models.QuadraticNetwork(150, 75, 1)
    _, truth = model.sample(jax.random.key(3))
    assert float(compiled(model.error, truth, jnp.eye(150))) == pytest.approx(1, abs=0.1)
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((20000, 150))
    gap = np.eye(150) - np.asarray(truth, float)
    outputs = np.einsum("ia,ab,ib->i", inputs, gap, inputs) / 150
    assert 75 / 2 * np.mean(outputs**2) == pytest.approx(float(compiled(model.error, truth, jnp.eye(150))), rel=0.1)


def test_hidden_units_may_be_rotated():
    problem, truth = MODEL.sample(jax.random.key(4))
    values, vectors = np.linalg.eigh(np.asarray(truth, float))
    weights = (vectors * np.sqrt(np.maximum(values, 0) * 4)).T[-4:]
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    rotated = (rotation @ weights).T @ (rotation @ weights) / 4
    assert float(compiled(MODEL.error, truth, jnp.asarray(rotated, jnp.float32))) < 1e-6
    assert float(problem.ratio) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "`width` is 0"),
        ({"samples": 2.5}, "`samples` is 2.5"),
        ({"noise": -1.0}, "`noise` is -1.0"),
        ({"dimension": 0}, "`dimension` is 0"),
    ],
)
def test_impossible_models_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        rc.models.QuadraticNetwork(**{"dimension": 10, "width": 4, "samples": 70, **change})


def test_impossible_problems_are_refused():
    with pytest.raises(ValueError, match="have shapes"):
        rc.QuadraticNetworkProblem(np.ones((5, 3)), np.ones(4), width=2)
    with pytest.raises(ValueError, match="`width` is 0"):
        rc.QuadraticNetworkProblem(np.ones((5, 3)), np.ones(5), width=0)
    with pytest.raises(ValueError, match="`samples` is 6"):
        rc.QuadraticNetworkProblem(np.ones((5, 3)), np.ones(5), width=2, samples=6)
