import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.low_rank.sign_restricted_isometry import sign_deviation


@pytest.mark.parametrize(
    "perturbation",
    [{}, {"noise": 0.5}, {"corruption": 0.4}, {"corruption": 0.3, "outlier_scale": 2.0, "outliers": "positive"}],
)
def test_expected_direction_has_the_predicted_scale(perturbation):
    model = rc.models.MatrixSensing(3, 1, 20000, **{"outlier_scale": 10.0, **perturbation})
    problem, truth = model.sample(jax.random.key(0))
    generator = np.random.default_rng(0)
    roots = (
        generator.standard_normal((3, 3, 2)).astype(np.float32) * np.array([0.2, 0.6, 1.5], np.float32)[:, None, None]
    )
    matrices = jnp.asarray(roots @ roots.transpose(0, 2, 1))
    distances = jnp.sqrt(jnp.sum((matrices - truth[None]) ** 2, axis=(1, 2)))
    predicted = rc.theory.sign_scale(distances, float(model.corruption), float(model.outlier_scale), float(model.noise))
    found = sign_deviation(problem, truth, matrices)
    np.testing.assert_allclose(found.scale, predicted, atol=4 / np.sqrt(20000))
    assert np.all(found.deviation < 0.1)


def test_deviation_falls_with_samples():
    deviations = []
    for samples in (200, 3200):
        problem, truth = rc.models.MatrixSensing(8, 1, samples).sample(jax.random.key(1))
        matrices = jnp.stack([jnp.zeros((8, 8)), jnp.eye(8)])
        deviations.append(float(jnp.max(sign_deviation(problem, truth, matrices).deviation)))
    assert 2 < deviations[0] / deviations[1] < 8


def test_closed_forms():
    np.testing.assert_allclose(rc.theory.factored_degrees_of_freedom(20, 3), 57)
    np.testing.assert_allclose(rc.theory.robust_sample_boundary(0.5, 20, 3), 720)
    np.testing.assert_allclose(rc.theory.least_squares_matrix_error(0.1, 20, 3, 600), 0.1 * np.sqrt(0.1), rtol=1e-6)
    with pytest.raises(ValueError, match="corruption"):
        rc.theory.sign_scale(1.0, 1.5)


@pytest.mark.parametrize(("corruption", "outlier_scale"), [(0.0, 0.0), (0.1, 10.0), (0.6, 3.0)])
def test_the_median_observation_is_that_of_drawn_ones(corruption, outlier_scale):
    generator = np.random.default_rng(0)
    outlying = generator.uniform(size=400_000) < corruption
    scale = np.where(outlying, np.hypot(1.5, outlier_scale), 1.5)
    drawn = np.median(np.abs(scale * generator.standard_normal(400_000)))
    predicted = rc.theory.median_observation(1.5, corruption, outlier_scale)
    assert float(predicted) == pytest.approx(drawn, rel=0.01)
