"""Proximal gradient against scikit-learn, optimality conditions and each other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Lasso

import recover as rc
from recover.scalar.penalties import L1, LQ, MCP, SCAD, ChosenPenalty
from recover.solvers import FISTA, ISTA, ProximalGradient, ReweightedL1, WorkingSet


def objective(matrix, observations, penalty, x):
    return 0.5 * np.sum((observations - matrix @ np.asarray(x)) ** 2) + float(penalty.value(jnp.asarray(x)))


@pytest.mark.parametrize("kind", [ISTA, FISTA])
@pytest.mark.parametrize("strength", [0.02, 0.2])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_lasso_is_that_of_scikit_learn(kind, strength, nonnegative, sparse_data, result_name):
    matrix, observations, _ = sparse_data(noise=0.05)
    # scikit-learn divides the squared residual by twice the number of samples.
    oracle = Lasso(alpha=strength / 60, fit_intercept=False, positive=nonnegative, tol=1e-10, max_iter=100000)
    oracle.fit(matrix, observations)
    solver = kind(penalty=L1(strength, nonnegative=nonnegative))
    solution = rc.solve(rc.LinearProblem(matrix, observations), solver, max_steps=5000)
    assert result_name(solution) == "converged"
    difference = np.linalg.norm(solution.value - oracle.coef_) / np.linalg.norm(oracle.coef_)
    assert difference < (2e-3 if kind is ISTA else 5e-4)


@pytest.mark.parametrize("kind", [FISTA, WorkingSet])
def test_a_chosen_penalty_is_solved_for_like_itself(kind, sparse_data, result_name, float64):
    matrix, observations, _ = sparse_data(noise=0.05)
    problem, penalties = rc.LinearProblem(matrix, observations), (L1(0.1), L1(0.1, nonnegative=True), SCAD(0.1))
    for number, penalty in enumerate(penalties):
        alone = rc.solve(problem, kind(penalty))
        chosen = rc.solve(problem, kind(ChosenPenalty(number, penalties)))
        np.testing.assert_allclose(chosen.value, alone.value, atol=1e-5)
        # With its own certificate: in double precision, since a duality gap is a difference of nearly equal numbers.
        assert result_name(chosen) == result_name(alone)
        np.testing.assert_allclose(chosen.stats["certificate"], alone.stats["certificate"], rtol=0.1, atol=1e-3)


def test_double_precision_reaches_further(sparse_data):
    matrix, observations, _ = sparse_data(noise=0.05)
    oracle = Lasso(alpha=0.05 / 60, fit_intercept=False, tol=1e-14, max_iter=1000000).fit(matrix, observations)
    with jax.enable_x64(True):
        problem = rc.LinearProblem(matrix, observations)
        solution = rc.solve(problem, FISTA(penalty=0.05, tolerance=1e-12), max_steps=10000)
        assert solution.value.dtype == jnp.float64
        np.testing.assert_allclose(solution.value, oracle.coef_, atol=1e-8)


@pytest.mark.parametrize("penalty", [LQ(0.01, 0), LQ(0.02, 0.5), LQ(0.02, 2 / 3), SCAD(0.1), MCP(0.1)])
def test_nonconvex_fixed_points_are_stationary_in_every_coordinate(penalty, sparse_data, result_name):
    matrix, observations, _ = sparse_data(noise=0.02)
    problem = rc.LinearProblem(matrix, observations)
    solution = rc.solve(problem, ProximalGradient(penalty), max_steps=20000)
    assert result_name(solution) == "converged"
    x = solution.value
    gradient = problem.adjoint(problem.residual(x))
    used = np.asarray(x != 0)
    assert 0 < used.sum() < 60
    slope = np.asarray(jnp.sign(x) * penalty.derivative(jnp.abs(x)))
    np.testing.assert_allclose(np.asarray(gradient)[used], slope[used], atol=2e-4)
    # On the others the gradient step must not leave zero.
    size = solution.state.step_size
    assert not np.any(np.asarray(penalty.proximal(size * gradient, size))[~used])


@pytest.mark.parametrize("penalty", [LQ(0.01, 0), SCAD(0.1)])
def test_every_plain_step_lowers_the_objective(penalty, sparse_data):
    matrix, observations, _ = sparse_data(noise=0.02)
    problem = rc.LinearProblem(matrix, observations)
    solution = rc.solve(problem, ProximalGradient(penalty, continuation=0.0), max_steps=300, record=True)
    values = np.asarray([objective(matrix, observations, penalty, x) for x in solution.history[::10]])
    assert np.all(np.diff(values) < 1e-5 * values[0])


@pytest.mark.parametrize("penalty", [LQ(1e-4, 0), MCP(1e-2)])
def test_continuation_lets_nonconvex_penalties_recover(penalty, trials):
    model = rc.models.SparseRegression(dimension=200, samples=100, sparsity=20)
    errors, _, _ = trials(model, ProximalGradient(penalty), max_steps=4000)
    assert np.median(errors) < 1e-2, errors


def test_a_penalty_that_is_too_strong_gives_zero_at_once(sparse_data, result_name):
    matrix, observations, _ = sparse_data()
    solution = rc.solve(rc.LinearProblem(matrix, observations), FISTA(penalty=100), max_steps=10)
    assert not np.any(solution.value)
    assert result_name(solution) == "converged"
    assert solution.stats["steps"] == 1


def test_too_long_a_step_diverges(sparse_data, result_name):
    matrix, observations, _ = sparse_data()
    solution = rc.solve(rc.LinearProblem(matrix, observations), ISTA(penalty=0.01, step_size=3.0), max_steps=2000)
    assert result_name(solution) == "diverged"


def test_known_noise_sets_the_strength(sparse_data):
    matrix, observations, _ = sparse_data(noise=0.1)
    problem = rc.LinearProblem(matrix, observations, noise=0.1)
    state = FISTA().init(problem, jax.random.key(0))
    expected = 0.1 * np.sqrt(2 * np.log(100)) * np.linalg.norm(matrix) / 10
    np.testing.assert_allclose(state.penalty.strength, expected, rtol=1e-5)


def test_penalty_strength_is_traced():
    traces = []

    @eqx.filter_jit
    def count(solver):
        traces.append(None)
        return solver.penalty.strength

    count(FISTA(penalty=0.1))
    count(FISTA(penalty=1))
    count(FISTA(penalty=np.float64(0.3)))
    assert len(traces) == 1


def test_reweighting_reaches_beyond_l1(trials):
    model = rc.models.SparseRegression(dimension=200, samples=100, sparsity=44)
    plain, _, _ = trials(model, FISTA(), max_steps=2000)
    reweighted, _, _ = trials(model, ReweightedL1(), max_steps=2000)
    assert np.mean(plain < 1e-3) < 0.4
    assert np.mean(reweighted < 1e-3) > 0.7
