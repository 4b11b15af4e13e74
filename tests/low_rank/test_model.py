import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.sizes import with_capacities
from recover.operators.symmetric import symmetric_coordinates, symmetric_matrix
from tests.compiled import compiled

MatrixSensing = rc.models.MatrixSensing


def matrices(problem):
    """The matrices A_i of a problem, one per row of its operator."""
    rows = np.asarray(problem.operator.as_matrix())
    if problem.symmetric:
        return np.asarray(symmetric_matrix(jnp.asarray(rows), problem.shape[0]))
    return rows.reshape(-1, *problem.shape)


def test_symmetric_coordinates_are_an_isometry_and_forget_antisymmetric_parts():
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((2, 5, 5)).astype(np.float32)
    symmetric = jnp.asarray(x + x.T)
    coordinates = symmetric_coordinates(symmetric)
    np.testing.assert_allclose(symmetric_matrix(coordinates, 5), symmetric, rtol=1e-6)
    inner = float(jnp.sum(coordinates * symmetric_coordinates(jnp.asarray(y))))
    np.testing.assert_allclose(inner, np.sum((x + x.T) * y), rtol=1e-4)


@pytest.mark.parametrize("columns", [None, 5])
def test_truth_has_the_given_rank_and_spectrum(columns):
    model = MatrixSensing(7, 3, 4, condition_number=10.0, columns=columns)
    _, truth = model.sample(jax.random.key(0))
    values = np.linalg.svd(np.asarray(truth), compute_uv=False)
    np.testing.assert_allclose(values[:3], [1.0, 0.55, 0.1], atol=1e-5)
    assert np.all(values[3:] < 1e-5)
    if columns is None:
        assert np.all(np.linalg.eigvalsh(np.asarray(truth)) > -1e-5)


def test_a_larger_rank_capacity_leaves_the_truth():
    model, key = MatrixSensing(9, 2, 30), jax.random.key(1)
    problem, truth = model.sample(key)
    wider, same = with_capacities(model, {"rank": 6, "samples": 30}).sample(key)
    np.testing.assert_allclose(truth, same, atol=1e-6)
    np.testing.assert_allclose(problem.observations, wider.observations, atol=1e-5)


@pytest.mark.parametrize("measurements", ["gaussian", "rank_one", "entries"])
@pytest.mark.parametrize("columns", [None, 5])
def test_observations_are_inner_products(measurements, columns):
    model = MatrixSensing(6, 2, 20, columns=columns, measurements=measurements)
    problem, truth = model.sample(jax.random.key(2))
    expected = np.einsum("mij,ij->m", matrices(problem), np.asarray(truth))
    np.testing.assert_allclose(problem.observations, expected, atol=1e-4)
    z = jnp.asarray(np.random.default_rng(0).standard_normal(20), jnp.float32)
    np.testing.assert_allclose(problem.adjoint(z), np.einsum("m,mij->ij", np.asarray(z), matrices(problem)), atol=1e-4)


def test_the_symmetric_part_of_a_gaussian_matrix_has_the_law_of_the_design():
    problem, _ = MatrixSensing(4, 1, 20000).sample(jax.random.key(3))
    stack = matrices(problem)
    # (G + G^T) / 2 has variance 1 on the diagonal and 1/2 off it.
    variances = stack.var(axis=0)
    np.testing.assert_allclose(variances, np.where(np.eye(4, dtype=bool), 1.0, 0.5), rtol=0.06)


def test_distinct_entries_are_observed_with_unit_mean_square():
    problem, _ = MatrixSensing(6, 1, 21, measurements="entries").sample(jax.random.key(4))
    rows = np.asarray(problem.operator.as_matrix())
    np.testing.assert_allclose(rows @ rows.T, 21 * np.eye(21), atol=1e-4)


def test_perturbations_have_the_given_law():
    model = MatrixSensing(4, 1, 40000, corruption=0.3, outlier_scale=5.0, noise=0.1, outliers="positive")
    problem, truth = model.sample(jax.random.key(5))
    s = np.asarray(problem.residual(truth))
    gross = np.abs(s) > 0.5
    # |N(0, 25)| exceeds 0.5 with probability 0.92.
    assert abs(gross.mean() - 0.3 * 0.92) < 0.01
    assert np.all(s[gross] > 0)
    assert abs(s[~gross].std() - 0.1) < 0.05
    np.testing.assert_allclose(problem.loss_at_truth, np.abs(s).mean(), rtol=1e-3)


def test_error_forgets_the_rotation_of_factors():
    generator = np.random.default_rng(0)
    u = generator.standard_normal((6, 3)).astype(np.float32)
    q = np.linalg.qr(generator.standard_normal((3, 3)))[0].astype(np.float32)
    model = MatrixSensing(6, 2, 10)
    _, truth = model.sample(jax.random.key(0))
    rotated = u @ q
    first, second = (compiled(model.error, truth, jnp.asarray(f @ f.T)) for f in (u, rotated))
    np.testing.assert_allclose(first, second, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"rank": 9}, ["rank", "9", "1 to 8"]),
        ({"samples": 0}, ["samples", "0"]),
        ({"samples": 2.5}, ["samples", "2.5"]),
        ({"corruption": 1.5}, ["corruption", "1.5", "probability"]),
        ({"condition_number": 0.5}, ["condition_number", "0.5"]),
        ({"measurements": "fourier"}, ["measurements", "fourier", "rank_one"]),
        ({"measurements": "entries"}, ["samples", "40", "36"]),
        ({"outliers": "huge"}, ["outliers", "huge", "positive"]),
        ({"noise": -1}, ["noise", "-1"]),
    ],
)
def test_bad_input_is_named(arguments, named):
    with pytest.raises(ValueError, match="MatrixSensing") as raised:
        MatrixSensing(**{"dimension": 8, "rank": 2, "samples": 40, **arguments})
    assert all(word in str(raised.value) for word in named)


def test_a_problem_from_ones_own_data_is_checked():
    stack = np.zeros((5, 3, 3), np.float32)
    problem = rc.MatrixSensingProblem(stack, np.zeros(5))
    assert problem.shape == (3, 3)
    assert problem.operator.in_size() == 6
    with pytest.raises(ValueError, match="observations"):
        rc.MatrixSensingProblem(stack, np.zeros(4))
    with pytest.raises(ValueError, match="symmetric"):
        rc.MatrixSensingProblem(np.zeros((5, 3, 2)), np.zeros(5))
    with pytest.raises(ValueError, match="three axes"):
        rc.MatrixSensingProblem(np.zeros((5, 3)), np.zeros(5))
    assert rc.MatrixSensingProblem(np.zeros((5, 3, 2)), np.zeros(5), symmetric=False).shape == (3, 2)
