"""Sparse bandits: models, nets and solvers against NumPy, bounds against every instance."""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.bandits import nets

D, N, EPSILON = 6, 500, 0.1


@pytest.fixture(scope="module")
def instance():
    """An instance with room in both sizes."""
    model = rc.core.with_capacities(rc.models.MisspecifiedBandit(D, N, 2, EPSILON), {"dimension": 8, "actions": 600})
    return model, *model.sample(jax.random.key(1))


def data(problem):
    return np.asarray(problem.operator.as_matrix())[:N, :D], np.asarray(problem.observations)[:N]


def queried(solution):
    return np.flatnonzero(np.asarray(solution.state.queried))


# Models ---------------------------------------------------------------------------------------------------------------


def test_the_misspecified_bandit_is_sparse_and_linear_up_to_its_bound(instance):
    model, problem, truth = instance
    features, rewards = data(problem)
    theta = np.asarray(truth.coefficients)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(theta), 1, rtol=1e-5)
    assert np.count_nonzero(theta) == 2
    assert not np.any(theta[D:])
    np.testing.assert_array_equal(np.asarray(problem.oracle) > 0, theta != 0)
    nu = rewards - features @ theta[:D]
    np.testing.assert_allclose(np.abs(nu), EPSILON, rtol=1e-3)
    # The errors are the signs of a linear function: a separating direction exists, and least squares finds most of it.
    direction = np.linalg.lstsq(features, nu, rcond=None)[0]
    assert np.mean(np.sign(features @ direction) == np.sign(nu)) > 0.95
    worst = int(np.argmin(rewards))
    np.testing.assert_allclose(model.error(truth, jnp.asarray(worst)), np.ptp(rewards), rtol=1e-5)
    np.testing.assert_allclose(model.metrics(truth, jnp.asarray(worst))["gap"], np.ptp(rewards) / EPSILON, rtol=1e-5)


def test_an_instance_does_not_depend_on_room_for_more_dimensions():
    model = rc.models.MisspecifiedBandit(D, N, 2, EPSILON)
    wide = rc.core.with_capacities(model, {"dimension": 9, "actions": N})
    one, other = (each.sample(jax.random.key(3))[1] for each in (model, wide))
    np.testing.assert_allclose(one.rewards, other.rewards, atol=1e-6)
    np.testing.assert_allclose(one.coefficients, np.asarray(other.coefficients)[:D], atol=1e-6)


def test_the_needle_is_linear_up_to_its_coherence():
    model = rc.models.HiddenNeedle(50, 200)
    places = []
    for seed in range(12):
        problem, truth = model.sample(jax.random.key(seed))
        features, rewards = np.asarray(problem.operator.as_matrix()), np.asarray(problem.observations)
        (place,) = np.flatnonzero(rewards)
        places.append(place)
        nu = rewards - features @ features[place]
        np.testing.assert_allclose(np.max(np.abs(nu)), problem.misspecification, atol=1e-5)
        np.testing.assert_allclose(truth.coefficients, features[place], atol=1e-6)
    assert np.ptp(places) > 50


def test_the_gap_of_random_search_is_that_of_draws(instance):
    _, problem, truth = instance
    _, rewards = data(problem)
    generator = np.random.default_rng(0)
    gaps = rewards.max() - rewards[generator.integers(N, size=(20_000, 20))].max(axis=1)
    expected = float(eqx.filter_jit(type(truth).random_gap)(truth, jnp.asarray(20.0)))
    assert abs(expected - gaps.mean()) < 4 * gaps.std() / np.sqrt(20_000)


# Nets -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sparsity", "points"), [(1, 2), (2, 17), (3, 60), (3, 900)])
def test_nets_cover_their_sphere(sparsity, points):
    count = jnp.asarray(points)
    found = np.asarray(nets.net(points + 5, count, sparsity, jnp.float32))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    # Padding repeats the first direction.
    np.testing.assert_array_equal(found[points:], found[:1].repeat(5, axis=0))
    sphere = np.random.default_rng(0).standard_normal((20_000, sparsity))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    cosines = np.minimum((sphere @ found.T).max(axis=1), 1)
    farthest = np.sqrt(2 - 2 * cosines.min())
    radius = float(nets.covering_radius(count, sparsity, jnp.float32))
    assert 0.7 * radius - 1e-3 <= farthest <= radius + 1e-3


def test_supports_of_fewer_columns_are_a_prefix():
    for sparsity in (1, 2, 3):
        chosen = nets.supports(7, sparsity)
        assert {tuple(each) for each in chosen} == set(itertools.combinations(range(7), sparsity))
        for width in range(sparsity, 8):
            number = int(nets.supports_within(jnp.asarray(width), sparsity))
            assert number == math.comb(width, sparsity)
            assert chosen[:number].max() < width


# Solvers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sparsity", "points"), [(1, 2), (2, 24), (3, 50)])
def test_the_net_queries_every_best_action(instance, sparsity, points):
    _, problem, _ = instance
    features, rewards = data(problem)
    directions = np.asarray(nets.net(points, jnp.asarray(points), sparsity, jnp.float32))
    best = [
        np.argmax(features[:, list(chosen)] @ directions.T, axis=0)
        for chosen in itertools.combinations(range(D), sparsity)
    ]
    solution = rc.solve(problem, rc.solvers.SparseNet(sparsity, points), max_steps=100)
    assert solution.result == rc.Result.converged
    assert int(solution.stats["steps"]) == math.comb(D, sparsity)
    np.testing.assert_array_equal(queried(solution), np.unique(best))
    assert int(solution.stats["queries"]) == len(np.unique(best))
    assert rewards[int(solution.value)] == rewards[np.unique(best)].max()


def test_gaps_are_within_the_bound_of_the_net():
    model = rc.models.MisspecifiedBandit(D, N, 2, EPSILON)
    points = int(rc.theory.net_points(EPSILON, 2))
    bound = float(rc.theory.net_gap(np.pi / points, EPSILON))
    saved = []
    for seed in range(10):
        problem, truth = model.sample(jax.random.key(seed))
        counts = []
        for solver in (rc.solvers.SparseNet(2, points), rc.solvers.SparseElimination(2, points)):
            solution = rc.solve(problem, solver, max_steps=1000)
            assert solution.result == rc.Result.converged
            assert float(model.error(truth, solution.value)) <= bound
            counts.append(int(solution.stats["queries"]))
        assert counts[1] <= counts[0] <= float(rc.theory.net_queries(D, 2, EPSILON))
        saved.append(counts[1] / counts[0])
    assert np.mean(saved) < 0.5


def test_elimination_is_that_of_numpy(instance):
    _, problem, _ = instance
    features, rewards = data(problem)
    points, radius = 24, 2 * np.sin(np.pi / 48)
    directions = np.asarray(nets.net(points, jnp.asarray(points), 2, jnp.float32))
    candidates = []
    for chosen in nets.supports(D, 2):
        for direction in directions:
            candidates.append(np.zeros(D))
            candidates[-1][chosen] = direction
    seen, alive = [], np.ones(len(candidates), bool)
    for place, candidate in enumerate(candidates):
        if alive[place]:
            action = np.argmax(features @ candidate)
            seen.append(action)
            alive &= np.abs(np.asarray(candidates) @ features[action] - rewards[action]) <= radius + EPSILON
    solution = rc.solve(problem, rc.solvers.SparseElimination(2, points), max_steps=1000)
    np.testing.assert_array_equal(queried(solution), np.unique(seen))


def test_the_design_is_nearly_optimal_and_its_fit_weighted_least_squares(instance):
    _, problem, truth = instance
    features, rewards = data(problem)
    solution = rc.solve(problem, rc.solvers.DesignLeastSquares(200), max_steps=400)
    state, weights = solution.state, np.asarray(solution.state.weights)[:N]
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-4)
    moment = (features * weights[:, None]).T @ features
    leverages = np.sum((features @ np.linalg.inv(moment)) * features, axis=1)
    # Kiefer and Wolfowitz: no design has less than d.
    assert D - 1e-3 <= leverages.max() <= 1.12 * D
    np.testing.assert_allclose(np.asarray(state.leverages)[:N], leverages, rtol=2e-2)
    theta = np.linalg.solve(moment, features.T @ (weights * rewards))
    assert np.argmax(features @ theta) in queried(solution)
    missed = rewards.max() - rewards[np.argmax(features @ theta)]
    assert missed <= float(rc.theory.design_gap(D, EPSILON, 0.12))
    own = rc.solve(problem, rc.solvers.DesignLeastSquares(200, "support"), max_steps=400)
    support = np.flatnonzero(np.asarray(truth.coefficients))
    weights = np.asarray(own.state.weights)[:N]
    moment = (features[:, support] * weights[:, None]).T @ features[:, support]
    theta = np.linalg.solve(moment, features[:, support].T @ (weights * rewards))
    assert np.argmax(features[:, support] @ theta) in queried(own)


def test_a_budget_is_kept(instance):
    _, problem, _ = instance
    for solver in (rc.solvers.DesignLeastSquares(9), rc.solvers.BanditLasso(9)):
        assert 9 <= int(rc.solve(problem, solver, max_steps=500).stats["queries"]) <= 10
    assert int(rc.solve(problem, rc.solvers.RandomSearch(9), max_steps=5).stats["queries"]) == 9
    assert int(rc.solve(problem, rc.solvers.RandomSearch(5 * N), max_steps=5).stats["queries"]) == N


def test_the_lasso_is_that_of_linear_problems(instance):
    _, problem, _ = instance
    features, rewards = data(problem)
    solution = rc.solve(problem, rc.solvers.BanditLasso(40, tolerance=1e-6), max_steps=5000)
    # Which actions were fitted, of those and the greedy one, is known by their Gram matrix.
    for left_out in [None, *queried(solution)]:
        chosen = np.setdiff1d(queried(solution), [] if left_out is None else [left_out])
        if np.allclose(features[chosen].T @ features[chosen], np.asarray(solution.state.gram)[:D, :D], atol=1e-4):
            break
    else:
        raise AssertionError
    strength = EPSILON * np.sqrt(2 * np.log(2 * D) * 40 / D)
    np.testing.assert_allclose(solution.state.strength, strength, rtol=1e-5)
    lasso = rc.solve(rc.LinearProblem(features[chosen], rewards[chosen]), rc.solvers.FISTA(strength), max_steps=5000)
    np.testing.assert_allclose(np.asarray(solution.state.x)[:D], lasso.value, atol=1e-3)


def test_an_oracle_is_needed_where_its_columns_are_asked_for(instance):
    _, problem, _ = instance
    features, rewards = data(problem)
    unknown = rc.problems.BanditProblem(features, rewards, EPSILON)
    with pytest.raises(ValueError, match="DesignLeastSquares: the problem's `oracle` is None"):
        rc.solve(unknown, rc.solvers.DesignLeastSquares(30, "support"), max_steps=50)
    with pytest.raises(ValueError, match="`sparsity` is 3; at most the 2 columns"):
        rc.solve(rc.problems.BanditProblem(features[:, :2], rewards, 0.1), rc.solvers.SparseNet(3, 50), max_steps=50)


def test_formulas():
    np.testing.assert_allclose(rc.theory.net_points(np.array([0.05, 0.1]), 2), [126, 63])
    np.testing.assert_allclose(rc.theory.net_points(0.1, np.array([1, 2, 3])), [2, 63, 1257])
    np.testing.assert_allclose(rc.theory.net_queries(np.array([10, 20]), 3, 0.1), [120 * 1257, 1140 * 1257])
    np.testing.assert_allclose(rc.theory.net_gap(0.05, 0.1), 0.3, rtol=1e-6)
    np.testing.assert_allclose(rc.theory.design_gap(8, 0.1, 0.125), 0.2 * (1 + 3), rtol=1e-6)
    np.testing.assert_allclose(rc.theory.sign_coherence(100, 500), np.sqrt(4 * np.log(500) / 100), rtol=1e-6)
    with pytest.raises(ValueError, match="sparsity must lie in"):
        rc.theory.net_points(0.1, 4)
