"""Every solver, with its defaults, on easy problems: from a model, and on users' matrices of any scale."""

import jax
import numpy as np
import pytest

import recover as rc
from recover import solvers as rs


def test_easy_gaussian_instances_are_recovered(solver, trials):
    model = rc.models.SparseRegression(dimension=200, samples=100, sparsity=10)
    errors, results, _ = trials(model, solver, max_steps=2000)
    assert np.all(errors < 1e-3), (errors, results)
    assert np.all(results == "converged"), results


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_a_users_matrix_of_any_scale_is_recovered(solver, sparse_data, scale):
    matrix, observations, truth = sparse_data(samples=100, dimension=200, sparsity=8, scale=scale)
    solution = rc.solve(rc.LinearProblem(matrix, observations), solver, max_steps=2000)
    # Without the sparsity, greedy solvers keep more coefficients than there are, and converge more slowly.
    assert np.linalg.norm(solution.value - truth) < 1e-3 * np.linalg.norm(truth), solution.result


def test_zero_observations_give_zero(solver, result_name):
    # The shapes of the test above: nothing is compiled again.
    matrix = np.random.default_rng(0).standard_normal((100, 200))
    solution = rc.solve(rc.LinearProblem(matrix, np.zeros(100)), solver, max_steps=50)
    assert not np.any(solution.value)
    assert result_name(solution) in ("converged", "exhausted")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: rs.IHT(sparsity=-1), "IHT: `sparsity` is -1"),
        (lambda: rs.IHT(sparsity=2.5), "IHT: `sparsity` is 2.5"),
        (lambda: rs.IHT(step_size=0), "IHT: `step_size` is 0"),
        (lambda: rs.HTP(step_size=-1.0), "HTP: `step_size` is -1"),
        (lambda: rs.OMP(sparsity=-2), "OMP: `sparsity` is -2"),
        (lambda: rs.AMP(relaxation=0.0), "AMP: `relaxation` is 0"),
        (lambda: rs.AMP(relaxation=1.5), "AMP: `relaxation` is 1.5"),
        (lambda: rs.AMP(threshold=-1), "AMP: `threshold` is -1"),
        (lambda: rs.BayesAMP(density=1.0), "BayesAMP: `density` is 1"),
        (lambda: rs.VAMP(noise=-0.1), "VAMP: `noise` is -0.1"),
        (lambda: rs.FISTA(step_size=0.0), "FISTA: `step_size` is 0"),
        (lambda: rs.FISTA(continuation=1.0), "FISTA: `continuation` is 1"),
        (lambda: rs.ReweightedL1(period=0), "ReweightedL1: `period` is 0"),
        (lambda: rs.SparseBayesianLearning(update="newton"), "SparseBayesianLearning: `update` is 'newton'; allowed"),
    ],
)
def test_bad_hyperparameters_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("solver", [rs.AMP, rs.BayesAMP, rs.VAMP])
def test_damping_is_refused_with_its_translation(solver):
    with pytest.raises(TypeError, match=r"`damping` is now `relaxation`, .*: write `relaxation=0.7` for `damping=0.7`"):
        solver(damping=0.7)


def test_a_sparsity_beyond_the_dimension_is_named(sparse_data):
    matrix, observations, _ = sparse_data()
    with pytest.raises(ValueError, match="SubspacePursuit: `sparsity` is 101; an integer from 0 to 100"):
        rs.SubspacePursuit(sparsity=101).init(rc.LinearProblem(matrix, observations), jax.random.key(0))
