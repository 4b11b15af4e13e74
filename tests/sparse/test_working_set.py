"""Working sets against scikit-learn, optimality conditions and proximal gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Lasso

import recover as rc
from recover.operators.subsampled_cosine import SubsampledCosine
from recover.scalar.penalties import L1, MCP, SCAD
from recover.solvers import ProximalGradient, WorkingSet


def lasso(matrix, observations, strength, **options):
    # scikit-learn divides the squared residual by twice the number of samples.
    alpha = strength / len(observations)
    return Lasso(alpha, fit_intercept=False, tol=1e-12, max_iter=1000000, **options).fit(matrix, observations).coef_


def assert_close(value, expected, share=1e-4):
    assert np.linalg.norm(value - expected) < share * np.linalg.norm(expected)


@pytest.mark.parametrize("strength", [0.02, 0.2])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_lasso_is_that_of_scikit_learn(strength, nonnegative, sparse_data, result_name):
    matrix, observations, _ = sparse_data(noise=0.05)
    solver = WorkingSet(L1(strength, nonnegative=nonnegative))
    solution = rc.solve(rc.LinearProblem(matrix, observations), solver, max_steps=500)
    assert result_name(solution) == "converged"
    assert_close(solution.value, lasso(matrix, observations, strength, positive=nonnegative))


@pytest.mark.parametrize("options", [{"gram": True}, {"size": 8}, {"size": 100}, {"inner": 3}, {"continuation": 0.0}])
def test_how_it_gets_there_does_not_matter(options, sparse_data, result_name):
    matrix, observations, _ = sparse_data(noise=0.05)
    solution = rc.solve(rc.LinearProblem(matrix, observations), WorkingSet(0.1, **options), max_steps=2000)
    assert result_name(solution) == "converged"
    assert_close(solution.value, lasso(matrix, observations, 0.1))
    # Smaller than the support, a set is one block of several.
    assert np.sum(solution.value != 0) > 8


def test_weights_belong_to_their_coordinates_and_columns_may_differ_in_length(sparse_data, result_name):
    matrix, observations, _ = sparse_data(noise=0.05)
    weights = np.geomspace(0.5, 2.0, matrix.shape[1])
    solver = WorkingSet(L1(0.1 * weights))
    solution = rc.solve(rc.LinearProblem(matrix, observations), solver, max_steps=500)
    assert_close(solution.value, lasso(matrix / weights[None, :], observations, 0.1) / weights)
    lengths = np.geomspace(0.1, 10.0, matrix.shape[1])[::-1]
    solution = rc.solve(rc.LinearProblem(matrix * lengths[None, :], observations), WorkingSet(0.1), max_steps=5000)
    assert result_name(solution) == "converged"
    assert_close(solution.value, lasso(matrix * lengths[None, :], observations, 0.1), 1e-3)


def test_double_precision_reaches_further(sparse_data):
    matrix, observations, _ = sparse_data(noise=0.05)
    with jax.enable_x64(True):
        problem = rc.LinearProblem(matrix, observations)
        solution = rc.solve(problem, WorkingSet(0.05, tolerance=1e-12), max_steps=1000)
        assert solution.value.dtype == jnp.float64
        np.testing.assert_allclose(solution.value, lasso(matrix, observations, 0.05), atol=1e-8)


def test_columns_of_a_matrix_free_operator_are_found():
    rows = np.random.default_rng(11).permutation(64)[:40]
    operator = SubsampledCosine(rows, 64)
    truth = np.zeros(64)
    truth[[3, 17, 40]] = [1.0, -2.0, 0.5]
    observations = operator.mv(jnp.asarray(truth, jnp.float32))
    free = rc.solve(rc.LinearProblem(operator, observations), WorkingSet(0.05))
    dense = rc.solve(rc.LinearProblem(operator.as_matrix(), observations), WorkingSet(0.05))
    np.testing.assert_allclose(free.value, dense.value, atol=1e-5)
    assert np.sum(free.value != 0) >= 3


@pytest.mark.parametrize("penalty", [MCP(0.1), SCAD(0.1)])
def test_nonconvex_penalties_end_where_no_coordinate_moves(penalty, sparse_data, result_name):
    matrix, observations, _ = sparse_data(noise=0.02)
    problem = rc.LinearProblem(matrix, observations)
    solution = rc.solve(problem, WorkingSet(penalty), max_steps=500)
    assert result_name(solution) == "converged"
    x = solution.value
    gradient = problem.adjoint(problem.residual(x))
    used = np.asarray(x != 0)
    slope = np.asarray(jnp.sign(x) * penalty.derivative(jnp.abs(x)))
    np.testing.assert_allclose(np.asarray(gradient)[used], slope[used], atol=1e-4)
    assert np.all(np.abs(np.asarray(gradient)[~used]) <= 0.1 + 1e-5)

    def objective(x):
        return 0.5 * jnp.sum(problem.residual(x) ** 2) + penalty.value(x)

    other = rc.solve(problem, ProximalGradient(penalty), max_steps=5000)
    assert objective(x) <= objective(other.value) * (1 + 1e-5)


def test_problems_with_one_matrix_share_its_gram_matrix(sparse_data):
    matrix, observations, _ = sparse_data(noise=0.05)
    matrix, several = jnp.asarray(matrix, jnp.float32), jnp.asarray([observations, 2 * observations], jnp.float32)

    def gram(observations):
        problem = rc.LinearProblem(matrix, observations, column_norm=1.0)
        return WorkingSet(0.1, gram=True).init(problem, jax.random.key(0)).gram

    # JAX refuses an output without a batch axis that depends on what is batched.
    np.testing.assert_allclose(jax.vmap(gram, out_axes=None)(several), matrix.T @ matrix, atol=1e-5)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="WorkingSet: `size` is 0"):
        WorkingSet(0.1, size=0)
    with pytest.raises(ValueError, match="WorkingSet: `inner` is 0"):
        WorkingSet(0.1, inner=0)
