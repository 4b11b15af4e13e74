"""The planted model of blind calibration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.bilinear.model import cosine_basis
from recover.core.sizes import with_capacities
from tests.compiled import compiled

MODEL = rc.models.BlindCalibration(12, 10, 3, 0.7)


def test_data_are_gains_times_products():
    problem, truth = MODEL.sample(jax.random.key(0))
    matrices = np.asarray(problem.operator.as_matrix()).reshape(3, 10, 12)
    expected = np.asarray(truth.gains) * np.einsum("lij,j->li", matrices, np.asarray(truth.signal))
    np.testing.assert_allclose(problem.observations, expected, atol=1e-5)
    assert abs(float(jnp.linalg.norm(truth.signal)) - 1) < 1e-6


def test_data_without_noise_are_those_of_the_forward_map():
    for priors in ({}, {"signal_dimension": 4, "gain_dimension": 3}):
        problem, truth = rc.models.BlindCalibration(12, 10, 3, 0.7, **priors).sample(jax.random.key(0))
        np.testing.assert_allclose(problem.residual(truth), np.zeros((3, 10)), atol=1e-5)
        assert int(problem.count) == int(problem.mask.sum()) == 30


@pytest.mark.parametrize("prior", [None, 4])
def test_gains_have_mean_one_and_the_spread_that_was_asked_for(prior):
    model = rc.models.BlindCalibration(5, 20, 1, 0.3, gain_dimension=prior)
    gains = jax.vmap(lambda key: model.sample(key)[1].gains)(jax.random.split(jax.random.key(1), 5))
    np.testing.assert_allclose(gains.mean(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.abs(gains - 1).max(axis=1), 0.3, atol=1e-6)


def test_error_ignores_the_common_scale():
    _, truth = MODEL.sample(jax.random.key(2))
    scaled = rc.Calibration(truth.signal / 3, truth.gains * 3)
    assert float(compiled(MODEL.error, truth, scaled)) < 1e-6
    wrong = rc.Calibration(-truth.signal, truth.gains)
    assert float(compiled(MODEL.error, truth, wrong)) == pytest.approx(2.0, rel=1e-5)


def test_distance_is_that_of_the_theory():
    model = rc.models.BlindCalibration(12, 10, 3, 0.7, measure="distance")
    _, truth = model.sample(jax.random.key(3))
    estimate = rc.Calibration(truth.signal * 1.1, jnp.ones(10))
    gap = np.asarray(truth.gains) - 1
    expected = 0.1**2 + np.sum(gap**2) / 10
    assert float(compiled(model.error, truth, estimate)) ** 2 == pytest.approx(expected, rel=1e-4)


def test_cosines_are_orthonormal_and_padded_with_zeros():
    full = cosine_basis(jnp.asarray(9, jnp.int32), 9, 9)
    np.testing.assert_allclose(full.T @ full, np.eye(9), atol=1e-5)
    padded = cosine_basis(jnp.asarray(9, jnp.int32), 14, 11)
    np.testing.assert_allclose(padded[:9, :9], full, atol=1e-6)
    assert not np.any(padded[9:])
    assert not np.any(padded[:, 9:])


def test_redrawn_sensing_is_the_stored_one_at_every_capacity():
    stored = rc.models.BlindCalibration(12, 10, 3, 0.7, entries="signs")
    redrawn = with_capacities(
        rc.models.BlindCalibration(12, 10, 3, 0.7, entries="signs", stored=False), {"sensors": 13, "snapshots": 4}
    )
    matrix = stored.design(jax.random.key(4))[0].as_matrix().reshape(3, 10, 12)
    again = redrawn.design(jax.random.key(4))[0].as_matrix().reshape(4, 13, 12)
    np.testing.assert_array_equal(matrix, again[:3, :10])


def test_priors_hold_the_truth():
    model = rc.models.BlindCalibration(12, 10, 3, 0.7, signal_dimension=4, gain_dimension=3)
    problem, truth = model.sample(jax.random.key(5))
    coordinates = problem.basis.T @ truth.signal
    np.testing.assert_allclose(coordinates[4:], 0, atol=1e-5)
    inside = problem.gain_basis @ (problem.gain_basis.T @ truth.gains)
    np.testing.assert_allclose(inside, truth.gains, atol=1e-5)


def test_the_gains_stay_hidden_unless_asked_for():
    assert MODEL.sample(jax.random.key(0))[0].known_gains is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gain_spread": 1.0}, "`gain_spread` is 1.0"),
        ({"sensors": 0}, "`sensors` is 0"),
        ({"snapshots": 1.5}, "`snapshots` is 1.5"),
        ({"signal_dimension": 13}, "from 1 to 12"),
        ({"gain_dimension": 11}, "from 1 to 10"),
        ({"entries": "cauchy"}, "gaussian, signs"),
        ({"measure": "mean"}, "largest, distance"),
        ({"noise": -1.0}, "`noise` is -1.0"),
        ({"noise": 0.1, "snr": 3.0}, "not both"),
        ({"signal_dimension": 3, "stored": False}, "only True"),
    ],
)
def test_impossible_models_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        rc.models.BlindCalibration(**{"dimension": 12, "sensors": 10, "snapshots": 3, **change})


def test_impossible_problems_are_refused():
    with pytest.raises(ValueError, match="is allowed"):
        rc.CalibrationProblem(np.ones((2, 3, 4)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="`gain_spread` is 2"):
        rc.CalibrationProblem(np.ones((2, 3, 4)), np.ones((2, 3)), gain_spread=2.0)
    with pytest.raises(ValueError, match="`sensors` is 4; an integer from 1 to 3 is"):
        rc.CalibrationProblem(np.ones((2, 3, 4)), np.ones((2, 3)), sensors=4)
    with pytest.raises(ValueError, match="`gain_dimension` is 3; an integer from 1 to 2 is"):
        rc.CalibrationProblem(np.ones((2, 3, 4)), np.ones((2, 3)), gain_basis=np.eye(3)[:, :2], gain_dimension=3)
