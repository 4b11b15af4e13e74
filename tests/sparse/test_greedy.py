"""Greedy solvers against small NumPy versions of the same algorithms, scikit-learn, and measured transitions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import OrthogonalMatchingPursuit

import recover as rc
from recover.solvers import HTP, IHT, OMP, CoSaMP, NormalizedIHT, SubspacePursuit
from recover.sparse.restricted_least_squares import restricted_least_squares


def top(v, count):
    return np.argsort(-np.abs(v), kind="stable")[:count]


def keep(v, count):
    out = np.zeros_like(v)
    chosen = top(v, count)
    out[chosen] = v[chosen]
    return out


def fit(matrix, observations, support):
    x = np.zeros(matrix.shape[1])
    support = np.sort(np.asarray(list(support), int))
    x[support] = np.linalg.lstsq(matrix[:, support], observations, rcond=None)[0]
    return x


def iht(matrix, observations, sparsity, steps):
    x = np.zeros(matrix.shape[1])
    size = 0.65 / np.mean(np.sum(matrix**2, axis=0))
    for _ in range(steps):
        x = keep(x + size * matrix.T @ (observations - matrix @ x), sparsity)
    return x


def normalized_iht(matrix, observations, sparsity, steps):
    x = np.zeros(matrix.shape[1])
    support = set(top(matrix.T @ observations, sparsity))
    for _ in range(steps):
        gradient = matrix.T @ (observations - matrix @ x)
        restricted = np.zeros_like(gradient)
        restricted[list(support)] = gradient[list(support)]
        size = np.sum(restricted**2) / np.sum((matrix @ restricted) ** 2)
        new = keep(x + size * gradient, sparsity)
        while set(np.flatnonzero(new)) != support and size > 0.99 * np.sum((new - x) ** 2) / np.sum(
            (matrix @ (new - x)) ** 2
        ):
            size /= 2 * 0.99
            new = keep(x + size * gradient, sparsity)
        x, support = new, set(np.flatnonzero(new))
    return x


def htp(matrix, observations, sparsity, steps):
    x = np.zeros(matrix.shape[1])
    for _ in range(steps):
        gradient = matrix.T @ (observations - matrix @ x)
        restricted = keep(gradient, sparsity)
        size = np.sum(restricted**2) / np.sum((matrix @ restricted) ** 2)
        x = fit(matrix, observations, top(x + size * gradient, sparsity))
    return x


def cosamp(matrix, observations, sparsity, steps):
    x = np.zeros(matrix.shape[1])
    for _ in range(steps):
        gradient = matrix.T @ (observations - matrix @ x)
        merged = set(top(gradient, 2 * sparsity)) | set(np.flatnonzero(x))
        x = keep(fit(matrix, observations, merged), sparsity)
    return x


def subspace_pursuit(matrix, observations, sparsity, steps):
    x = np.zeros(matrix.shape[1])
    for _ in range(steps):
        gradient = matrix.T @ (observations - matrix @ x)
        merged = set(top(gradient, sparsity)) | set(np.flatnonzero(x))
        new = fit(matrix, observations, top(fit(matrix, observations, merged), sparsity))
        if np.linalg.norm(observations - matrix @ new) >= np.linalg.norm(observations - matrix @ x):
            break
        x = new
    return x


REFERENCES = {
    "IHT": (IHT, iht),
    "NormalizedIHT": (NormalizedIHT, normalized_iht),
    "HTP": (HTP, htp),
    "CoSaMP": (CoSaMP, cosamp),
    "SubspacePursuit": (SubspacePursuit, subspace_pursuit),
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("steps", [1, 3])
def test_iterates_are_those_of_the_reference(name, steps, sparse_data):
    kind, reference = REFERENCES[name]
    matrix, observations, _ = sparse_data(samples=60, dimension=100, sparsity=12, noise=0.02, seed=5)
    with jax.enable_x64(True):
        problem = rc.LinearProblem(matrix, observations)
        # Tolerances that never stop it, so that exactly so many steps are taken.
        solution = rc.solve(problem, kind(sparsity=12, tolerance=-1.0, patience=0), max_steps=steps)
        expected = reference(matrix, observations, 12, steps)
        error = np.linalg.norm(solution.value - expected) / np.linalg.norm(expected)
    # Least squares is solved to 1e-5 of its start in one call.
    assert error < 1e-3, error


@pytest.mark.parametrize("sparsity", [1, 5, 15])
def test_omp_is_that_of_scikit_learn(sparsity, sparse_data):
    matrix, observations, _ = sparse_data(noise=0.05, seed=3)
    oracle = OrthogonalMatchingPursuit(n_nonzero_coefs=sparsity, fit_intercept=False).fit(matrix, observations)
    solution = rc.solve(rc.LinearProblem(matrix, observations), OMP(sparsity=sparsity))
    assert solution.stats["steps"] == sparsity
    np.testing.assert_allclose(solution.value, oracle.coef_, atol=2e-5)


def test_omp_stops_early_and_survives_dependent_columns(sparse_data, result_name):
    matrix, observations, truth = sparse_data(sparsity=3)
    solution = rc.solve(rc.LinearProblem(matrix, observations), OMP())
    assert solution.stats["steps"] == 3
    np.testing.assert_allclose(solution.value, truth, atol=1e-5)
    twice = np.concatenate([matrix[:4], matrix[:4]], axis=1)
    solution = rc.solve(rc.LinearProblem(twice, observations[:4]), OMP(sparsity=4, tolerance=-1.0))
    assert result_name(solution) == "converged"
    assert np.all(np.isfinite(solution.value))


def test_omp_capacity_follows_its_own_sparsity(sparse_data):
    matrix, observations, _ = sparse_data()
    problem = rc.LinearProblem(matrix, observations, sparsity=8)
    assert OMP(sparsity=7).init(problem, None).basis.shape == (7, 60)
    assert OMP().init(problem, None).basis.shape == (60, 60)


def test_restricted_least_squares_is_least_squares(sparse_data):
    matrix, observations, _ = sparse_data(noise=0.1)
    support = np.zeros(100, bool)
    support[::4] = True
    expected = fit(matrix, observations, np.flatnonzero(support))
    for scale in (1.0, 1e-4, 1e4):
        problem = rc.LinearProblem(scale * matrix, observations)
        start = jnp.zeros(100)
        for _ in range(2):
            start = restricted_least_squares(problem, jnp.asarray(support), start)
        np.testing.assert_allclose(scale * np.asarray(start), expected, atol=2e-5)


def test_restricted_least_squares_has_minimum_norm_where_it_is_not_unique(sparse_data):
    matrix, observations, _ = sparse_data(samples=10, dimension=30, sparsity=3)
    support = np.arange(30) < 20
    x = restricted_least_squares(rc.LinearProblem(matrix, observations), jnp.asarray(support), jnp.zeros(30))
    expected = np.linalg.pinv(matrix[:, :20]) @ observations
    np.testing.assert_allclose(x[:20], expected, atol=1e-4)
    assert not np.any(x[20:])


def test_no_coefficients_allowed_gives_zero(sparse_data):
    matrix, observations, _ = sparse_data()
    for kind in (NormalizedIHT, SubspacePursuit, OMP):
        solution = rc.solve(rc.LinearProblem(matrix, observations, sparsity=0), kind(), max_steps=20)
        assert not np.any(solution.value)


# 50% points at a sampling ratio of 1/2, from an independent NumPy study with 256 coefficients, 12 trials, tolerance 1e-3.
TRANSITIONS = {
    ("IHT", "gaussian"): 0.21,
    ("NormalizedIHT", "gaussian"): 0.36,
    ("HTP", "gaussian"): 0.34,
    ("CoSaMP", "gaussian"): 0.34,
    ("SubspacePursuit", "gaussian"): 0.44,
    ("OMP", "gaussian"): 0.29,
    ("HTP", "signs"): 0.23,
    ("OMP", "signs"): 0.18,
}


@pytest.mark.parametrize(("name", "amplitudes"), TRANSITIONS)
def test_transition_is_where_it_was_measured(name, amplitudes, trials):
    kind = OMP if name == "OMP" else REFERENCES[name][0]
    rates = []
    for shift in (-0.12, 0.14):
        sparsity = round((TRANSITIONS[name, amplitudes] + shift) * 100)
        model = rc.models.SparseRegression(200, 100, sparsity, amplitudes=amplitudes)
        errors, _, _ = trials(model, kind(), max_steps=400)
        rates.append(np.mean(errors < 1e-3))
    # With 16 trials a cell whose true rate is one half leaves this range by more than a standard error.
    assert rates[0] > 0.6, rates
    assert rates[1] < 0.4, rates
