"""Multi-task representations against NumPy in double precision."""

import jax
import numpy as np
import pytest
from scipy.optimize import linprog

import recover as rc
from recover.multitask.planting import GaussianLots
from recover.multitask.problem import Lots

HEADS = np.random.default_rng(3).standard_normal((12, 3))
TARGET = HEADS[0] + 0.5 * HEADS[4]


def alternating(moments, correlations, basis, iterations=300):
    """Exact alternating least squares, in double precision."""
    dimension, rank = basis.shape
    for _ in range(iterations):
        pairs = zip(moments, correlations, strict=True)
        heads = np.stack(
            [np.linalg.lstsq(basis.T @ each @ basis, basis.T @ right, rcond=1e-10)[0] for each, right in pairs]
        )
        system = np.einsum("mij,mk,ml->ikjl", moments, heads, heads).reshape(dimension * rank, -1)
        right = np.einsum("mi,mk->ik", correlations, heads).reshape(-1)
        basis = np.linalg.qr(np.linalg.solve(system, right).reshape(dimension, rank))[0]
    return basis


def test_the_sparse_relevance_is_that_of_a_linear_program():
    wanted = linprog(np.ones(24), A_eq=np.hstack([HEADS.T, -HEADS.T]), b_eq=TARGET)
    found = np.asarray(rc.theory.sparse_relevance(HEADS, TARGET), float)
    np.testing.assert_allclose(found, wanted.x[:12] - wanted.x[12:], atol=2e-3)
    assert np.count_nonzero(found) <= 3


def test_with_a_strength_it_is_the_lasso():
    solution = rc.solve(rc.LinearProblem(HEADS.T, TARGET), rc.solvers.FISTA(0.3, tolerance=1e-6), max_steps=5000)
    np.testing.assert_allclose(rc.theory.sparse_relevance(HEADS, TARGET, 0.3), solution.value, atol=1e-3)


def test_the_least_norm_relevance_is_the_pseudoinverse():
    wanted = np.linalg.pinv(HEADS.T) @ TARGET
    np.testing.assert_allclose(rc.theory.least_norm_relevance(HEADS, TARGET), wanted, atol=1e-4)


def test_an_allocation_keeps_the_budget_and_what_is_there():
    weights, there = np.array([3.0, 0.0, 1.0, 0.01]), np.array([5.0, 7.0, 5.0, 5.0])
    found = np.asarray(rc.theory.task_allocation(weights, 200.0, there), float)
    np.testing.assert_allclose(found.sum(), 200, rtol=1e-5)
    np.testing.assert_allclose(found[[1, 3]], [7, 5], rtol=1e-6)
    np.testing.assert_allclose(found[0] / found[2], 3, rtol=1e-5)
    np.testing.assert_allclose(rc.theory.task_allocation(weights, 10.0, there), there)


def test_factors_are_those_of_the_rules():
    relevance = np.array([0.5, -1.0, 0.0, 0.25])
    square = np.sum(relevance**2)
    wanted = [4 * square, np.abs(relevance).sum() ** 2, 3 * square]
    np.testing.assert_allclose(rc.theory.allocation_factor(relevance, np.array([0.0, 1.0, 2.0])), wanted, rtol=1e-5)


def test_the_risk_is_the_least_sum_over_relevances():
    samples = np.linspace(10, 120, 12)
    scaled = HEADS * np.sqrt(samples)[:, None]
    least = np.sum((np.linalg.pinv(scaled.T) @ TARGET) ** 2)
    found = rc.theory.representation_risk(HEADS, TARGET, samples, 0.5, 20.0)
    np.testing.assert_allclose(found, 0.25 * 17 * least, rtol=1e-4)


def test_lots_have_the_moments_of_gaussian_rows():
    samples = np.broadcast_to(np.int32([2, 40]), (2000, 2))
    drawn = GaussianLots.draw(jax.random.key(0), jax.numpy.asarray(samples), 3)
    moments, noise = np.asarray(drawn.moments, float), np.asarray(drawn.noise, float)
    for place, count in enumerate((2, 40)):
        each = moments[:, place]
        np.testing.assert_allclose(each.mean(0), count * np.eye(3), atol=6 * np.sqrt(2 * count / 2000))
        variance = each.var(0)
        wanted = count * (1 + np.eye(3))
        np.testing.assert_allclose(variance, wanted, rtol=0.25)
        # Given the rows, the covariance of the noise is their moment.
        outer = np.einsum("mi,mj->ij", noise[:, place], noise[:, place]) / 2000
        np.testing.assert_allclose(outer, count * np.eye(3), atol=8 * np.sqrt(2 * count**2 / 2000))
    # Two rows span two dimensions.
    assert np.abs(np.linalg.det(moments[:, 0])).max() < 1e-2


def test_lots_are_bought_by_binary_digits():
    lots = Lots(jax.numpy.asarray(2.0 ** np.arange(4)).reshape(1, 4, 1, 1), jax.numpy.ones((1, 4, 1)))
    for number, pieces in ((0, 0), (5, 2), (15, 4)):
        moments, correlations = lots.bought(jax.numpy.asarray([number], jax.numpy.int32))
        assert (float(moments[0, 0, 0]), float(correlations[0, 0])) == (number, pieces)
    assert lots.most == 15


@pytest.mark.parametrize("rule", [{"power": 0.0, "order": 2}, {"power": 2.0, "order": 2}, {}])
def test_the_fit_is_that_of_exact_alternation(rule):
    model = rc.models.SharedRepresentation(8, 2, 6, parts=2, explored=8, lots=11)
    problem, truth = model.sample(jax.random.key(1))
    solver = rc.solvers.ActiveRepresentation(2, 2000, relevance="oracle", tolerance=1e-6, **rule)
    solution = rc.solve(problem, solver, max_steps=2000)
    state = solution.state
    assert float(np.sum(state.samples)) == 2000
    basis = alternating(*(np.asarray(each, float) for each in (state.moments, state.correlations, state.basis)))
    target = np.asarray(truth.target, float)
    wanted = np.sum((target - basis @ (basis.T @ target)) ** 2)
    found = float(model.metrics(truth, solution.value)["representation"])
    np.testing.assert_allclose(found, wanted, rtol=0.05)


def test_few_sources_and_an_oracle():
    problem, _ = rc.models.SharedRepresentation(8, 2, 6, lots=11).sample(jax.random.key(1))
    solver = rc.solvers.ActiveRepresentation(2, 1000, power=0.0, sources=2)
    assert int(rc.solve(problem, solver, max_steps=50).stats["chosen"]) == 2
    bare = rc.problems.MultitaskProblem(
        np.stack([np.eye(3)] * 2), np.ones((2, 3)), np.ones(2), np.eye(3), np.ones(3), 1.0
    )
    with pytest.raises(ValueError, match="the problem's `oracle` is None"):
        rc.solve(bare, rc.solvers.ActiveRepresentation(2, 10, relevance="oracle"), max_steps=5)
    with pytest.raises(ValueError, match="`rank` is 3"):
        rc.solve(bare, rc.solvers.ActiveRepresentation(3, 10), max_steps=5)


def test_ridge_is_that_of_the_normal_equations():
    problem, _ = rc.models.SharedRepresentation(8, 2, 6, target_samples=20).sample(jax.random.key(1))
    solution = rc.solve(problem, rc.solvers.TargetRidge(3.0), max_steps=5)
    moment = np.asarray(problem.target_moment, float) + 3 * np.eye(8)
    np.testing.assert_allclose(solution.value.target, np.linalg.solve(moment, problem.target_observations), atol=1e-4)


def test_corrupted_classes_have_the_predicted_coefficients():
    model = rc.models.CorruptedClasses(5, 3, 3, explored=1023, target_samples=1023, lots=14)
    problem, truth = model.sample(jax.random.key(0))
    moments, right = problem.lots.bought(jax.numpy.full(6, 2**14 - 1, jax.numpy.int32))
    wanted = np.asarray(truth.coefficients, float)
    found = np.stack([np.linalg.solve(each, one) for each, one in zip(np.asarray(moments, float), right, strict=True)])
    assert np.linalg.norm(found - wanted) <= 0.1 * np.linalg.norm(wanted)
    np.testing.assert_allclose(problem.target_moment / 1023, truth.moment, atol=0.1)


def test_problems_of_rows():
    generator = np.random.default_rng(0)
    rows = [(generator.standard_normal((9, 3)), generator.standard_normal(9)) for _ in range(3)]
    problem = rc.problems.MultitaskProblem.of(rows[:2], rows[2])
    np.testing.assert_allclose(problem.moments[1], rows[1][0].T @ rows[1][0], rtol=1e-5)
    np.testing.assert_allclose(problem.target_observations, rows[2][0].T @ rows[2][1], rtol=1e-5)
    with pytest.raises(ValueError, match="source 1 has 9 rows of features and 8 responses"):
        rc.problems.MultitaskProblem.of([rows[0], (rows[1][0], rows[1][1][:8])], rows[2])
