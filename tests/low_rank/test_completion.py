"""Matrix completion against NumPy, SciPy and published numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import binom

import recover as rc

SOLVERS = rc.solvers
SIDE, RANK = 10, 2


def instance(samples=80, seed=0, **law):
    """A problem in double precision, its pattern, entries and matrix."""
    with jax.enable_x64(True):
        problem, truth = rc.models.MatrixCompletion(SIDE, RANK, samples, **law).sample(jax.random.key(seed))
        return problem, np.asarray(problem.pattern), np.asarray(problem.observations), np.asarray(truth)


def after(problem, solver, steps):
    with jax.enable_x64(True):
        return np.asarray(rc.solve(problem, solver, max_steps=steps).value)


def best(matrix, rank=RANK):
    left, values, right = np.linalg.svd(matrix)
    return left[:, :rank], values[:rank], right[:rank].T


# Iterations -----------------------------------------------------------------------------------------------------------


def descent(p, y, steps, scaled):
    u, s, v = best(y / p.mean())
    left, right = u * np.sqrt(s), v * np.sqrt(s)
    for _ in range(steps):
        for _ in range(2):
            gradient = (y - p * (left @ right.T)) @ right
            move = gradient @ np.linalg.inv(right.T @ right) if scaled else gradient
            left = left + np.sum(move * gradient) / np.sum((p * (move @ right.T)) ** 2) * move
            left, right, p, y = right, left, p.T, y.T
    return left @ right.T


def alternation(p, y, steps):
    left, _, _ = best(y / p.mean())
    for _ in range(steps):
        for _ in range(2):
            basis = np.linalg.qr(left)[0]
            left = np.stack(
                [np.linalg.lstsq(basis[p[:, j] > 0], y[p[:, j] > 0, j], rcond=None)[0] for j in range(SIDE)]
            )
            p, y = p.T, y.T
    return left @ basis.T


def riemannian(p, y, steps):
    u, s, v = best(y / p.mean())
    for _ in range(steps):
        x = (u * s) @ v.T
        g = y - p * x
        tangent = u @ u.T @ g + g @ v @ v.T - u @ u.T @ g @ v @ v.T
        u, s, v = best(x + np.sum(tangent**2) / np.sum((p * tangent) ** 2) * tangent)
    return (u * s) @ v.T


def thresholding(p, y, steps, rule):
    share = p.mean()
    shrink = 0.1 * np.linalg.norm(y, 2) / share
    if rule == "svt":
        shrink = 5 * SIDE * np.sqrt(np.sum(y**2) / p.sum())
    step, dual = 1.2 / share, 0 * y
    target = np.ceil(shrink / (step * np.linalg.norm(y, 2))) * step * y if rule == "svt" else y
    for _ in range(steps):
        u, s, v = np.linalg.svd(target - dual)
        x = (u * np.maximum(s - shrink, 0)) @ v
        if rule == "svt":
            target = target + step * (y - p * x)
        else:
            target = np.where(p > 0, y, x + dual)
            dual = dual + x - target
    return x


def projection(p, y, steps, normalised):
    x, u = 0 * y, np.zeros((SIDE, RANK))
    for _ in range(steps):
        z = y - p * x
        along = u @ u.T @ z
        exact = np.sum(along**2) / np.sum((p * along) ** 2) if along.any() and normalised else 1 / p.mean()
        u, s, v = best(x + exact * z)
        x = (u * s) @ v.T
    return x


def reweighted(p, y, steps):
    """The constrained quadratic problem, with the weights as they are defined."""
    x, smoothing = y, np.inf
    known = p.reshape(-1) > 0
    for _ in range(steps):
        u, s, v = np.linalg.svd(x)
        smoothing = min(smoothing, s[RANK])
        lifted = np.maximum(s, smoothing)
        inverse = np.kron((u * lifted) @ u.T, (v.T * lifted) @ v)
        x = inverse[:, known] @ np.linalg.solve(inverse[np.ix_(known, known)], y.reshape(-1)[known])
        x = x.reshape(SIDE, SIDE)
    return x


def scaled_gradient(p, y, steps, scaled):
    u, s, v = best(y / p.mean())
    left, right = u * np.sqrt(s), v * np.sqrt(s)
    for _ in range(steps):
        z = 0.5 / p.mean() * (p * (left @ right.T) - y)
        gram = [np.linalg.inv(each.T @ each) if scaled else np.eye(RANK) for each in (right, left)]
        left, right = left - z @ right @ gram[0], right - z.T @ left @ gram[1]
    return left @ right.T


FULL = rc.initialisers.TruncatedSpectralFactors(np.inf)
STEPS = {
    "ASD": (SOLVERS.AlternatingSteepestDescent(RANK, False), lambda p, y: descent(p, y, 6, False)),
    "ScaledASD": (SOLVERS.AlternatingSteepestDescent(RANK), lambda p, y: descent(p, y, 6, True)),
    "AltMin": (SOLVERS.AlternatingMinimisation(RANK), lambda p, y: alternation(p, y, 6)),
    "RGD": (SOLVERS.RiemannianGradientDescent(RANK), lambda p, y: riemannian(p, y, 6)),
    "nuclear": (SOLVERS.NuclearNormCompletion(), lambda p, y: thresholding(p, y, 6, "admm")),
    "SVT": (SOLVERS.NuclearNormCompletion("svt"), lambda p, y: thresholding(p, y, 6, "svt")),
    "SVP": (SOLVERS.SingularValueProjection(RANK, False), lambda p, y: projection(p, y, 6, False)),
    "NIHT": (SOLVERS.SingularValueProjection(RANK), lambda p, y: projection(p, y, 6, True)),
    "IRLS": (SOLVERS.MatrixIRLS(RANK), lambda p, y: reweighted(p, y, 6)),
    "ScaledGD": (SOLVERS.ScaledGD(RANK, 1.0, 0.5, 0.0, FULL), lambda p, y: scaled_gradient(p, y, 6, True)),
    "GD": (SOLVERS.FactoredGradientDescent(RANK, 1.0, 0.5, FULL), lambda p, y: scaled_gradient(p, y, 6, False)),
}


@pytest.mark.parametrize("name", STEPS)
def test_six_steps_are_those_of_numpy(name):
    problem, p, y, truth = instance(condition_number=2.0)
    solver, by_hand = STEPS[name]
    found = after(problem, solver, 6)
    np.testing.assert_allclose(found, by_hand(p, y), atol=1e-6)
    assert np.linalg.norm(found - truth) < np.linalg.norm(y - truth)


def test_reweighting_refuses_more_entries_than_it_has_room_for():
    problem, *_ = instance()
    with jax.enable_x64(True):
        assert rc.solve(problem, SOLVERS.MatrixIRLS(RANK, entries=70), max_steps=2).result == rc.Result.diverged


# Models and problems --------------------------------------------------------------------------------------------------


def test_entries_are_as_many_as_asked_for_and_redrawn_until_they_cover():
    for seed in range(4):
        problem, pattern, _, truth = instance(55, seed, condition_number=4.0, fewest=3)
        assert pattern.sum() == 55
        assert int(problem.fewest) == min(pattern.sum(0).min(), pattern.sum(1).min()) >= 3
        np.testing.assert_allclose(np.linalg.svd(truth)[1][:3], [1, 0.25, 0], atol=1e-7)
        plain, first, *_ = instance(55, seed, condition_number=4.0)
        covers = min(first.sum(0).min(), first.sum(1).min()) >= 3
        assert (int(problem.redraws) == 0) == covers
        assert int(plain.redraws) == 0


def test_a_spectrum_is_geometric_or_even():
    for spectrum, middle in (("log", 0.25), ("linear", 0.53125)):
        model = rc.models.MatrixCompletion(8, 3, 60, condition_number=16.0, spectrum=spectrum)
        values = np.linalg.svd(model.sample(jax.random.key(0))[1])[1]
        np.testing.assert_allclose(values[:4], [1, middle, 1 / 16, 0], atol=1e-6)


def test_lists_and_arrays_give_the_same_steps():
    _, pattern, y, _ = instance(condition_number=2.0)
    with jax.enable_x64(True):
        dense = rc.MatrixCompletionProblem.of_entries(y, pattern > 0)
        listed = rc.ListedCompletionProblem.of_entries(np.ma.masked_array(y, pattern == 0))
        assert dense.most == 80
        for kind in ("AlternatingSteepestDescent", "AlternatingMinimisation", "RiemannianGradientDescent"):
            solver = getattr(SOLVERS, kind)(RANK)
            factors = rc.solve(listed, solver, max_steps=4).value
            np.testing.assert_allclose(factors.matrix(), rc.solve(dense, solver, max_steps=4).value, atol=1e-5)


def test_a_large_matrix_is_completed_without_an_array_of_its_size():
    side, rank = 2000, 3
    generator = np.random.default_rng(0)
    left, right = generator.standard_normal((2, side, rank)).astype(np.float32)
    places = np.unique(generator.integers(0, side, (side * side // 20, 2)), axis=0)
    values = np.sum(left[places[:, 0]] * right[places[:, 1]], axis=1)
    sparse = sp.coo_matrix((values, places.T), (side, side))
    problem = rc.ListedCompletionProblem.of_entries(sparse)
    solver = SOLVERS.AlternatingSteepestDescent(rank)
    state = jax.eval_shape(solver.init, problem, jax.random.key(0))
    assert "2000,2000" not in str(jax.make_jaxpr(solver.step)(problem, state))
    found = rc.solve(problem, solver, max_steps=60).value
    held_out = generator.integers(0, side, (1000, 2))
    guess = np.sum(np.asarray(found.left)[held_out[:, 0]] * np.asarray(found.right)[held_out[:, 1]], axis=1)
    exact = np.sum(left[held_out[:, 0]] * right[held_out[:, 1]], axis=1)
    assert np.linalg.norm(guess - exact) < 1e-3 * np.linalg.norm(exact)


def test_problems_refuse_what_is_no_pattern():
    with pytest.raises(ValueError, match="`places` leaves a matrix of shape"):
        rc.ListedCompletionProblem([[0, 5]], [1.0], (3, 3))
    with pytest.raises(ValueError, match="`known` has shape"):
        rc.MatrixCompletionProblem(np.ones((3, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="`rank` is 4; an integer from 1 to 3"):
        rc.solve(rc.MatrixCompletionProblem(np.ones((3, 3)), np.ones((3, 3))), SOLVERS.AlternatingMinimisation(4))


# Theory ---------------------------------------------------------------------------------------------------------------


def test_the_statistical_dimension_of_the_nuclear_norm(float64):
    square = {0.01: 0.04902, 1 / 30: 0.14347, 0.1: 0.35114, 0.3: 0.72525, 0.5: 0.90542}
    half = {0.01: 0.03714, 0.05: 0.15782, 0.1: 0.28086, 0.5: 0.82849}
    for aspect, numbers in ((1.0, square), (0.5, half)):
        found = jax.vmap(lambda w, aspect=aspect: rc.theory.nuclear_norm_dimension(w, aspect))(jnp.asarray([*numbers]))
        np.testing.assert_allclose(found, [*numbers.values()], atol=6e-6)


def test_patterns_that_cover(float64):
    sides, ranks = np.asarray([60.0, 100.0, 1000.0]), np.asarray([2.0, 8.0, 5.0])
    freedom = rc.theory.completion_degrees_of_freedom(sides, sides, ranks)
    np.testing.assert_allclose(freedom, [236, 1536, 9975])
    for probability, expected in ((0.5, [1.754, 1.093, 1.613]), (0.99, [2.776, 1.431, 2.135])):
        at = jax.vmap(lambda n, k, q=probability: rc.theory.coverage_samples(n, n, k, q))(sides, ranks)
        np.testing.assert_allclose(at / freedom, expected, atol=6e-4)
    lacking = 60 * binom.cdf(1, 50, 0.1) + 50 * binom.cdf(1, 60, 0.1)
    np.testing.assert_allclose(rc.theory.coverage_probability(60.0, 50.0, 300.0, 2.0), np.exp(-lacking))


def test_the_error_under_noise(float64):
    np.testing.assert_allclose(rc.theory.completion_error(0.1, 100.0, 100.0, 3.0, 4 * 591.0), 0.1 / np.sqrt(3))
    assert rc.theory.completion_error(0.1, 10.0, 10.0, 2.0, 30.0) == np.inf
