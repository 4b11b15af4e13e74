"""Random supports: the model against NumPy, the solver against scikit-learn, the argument for it against draws."""

import itertools
import pathlib
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Lasso

import recover as rc
from recover.core.sizes import with_capacities
from recover.sparse.gram_schmidt import thin_qr

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "slr_random_supports.md").read_text()


@eqx.filter_jit
def drawn(model, seed):
    return model.sample(jax.random.key(seed))


def instance(seed=0, **options):
    """An instance in double precision; its truth in NumPy."""
    options = {"dimension": 40, "samples": 30, "sparsity": 4, "design": "factor", "least_distance": 1e-5, **options}
    with jax.enable_x64(True):
        model = with_capacities(rc.models.SparsePrediction(**options), {"samples": 32, "sparsity": 6})
        problem, truth = drawn(model, seed)
    return problem, jax.tree.map(np.asarray, truth)


def trimmed(truth):
    return np.asarray(truth.matrix)[:30], np.asarray(truth.coefficients)


# Gram-Schmidt ---------------------------------------------------------------------------------------------------------


def test_gram_schmidt_is_the_thin_decomposition():
    columns = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
    given = np.stack([columns[0], columns[1], 2 * columns[0] - columns[1], columns[2], np.zeros(8)])
    basis, triangle = thin_qr(jnp.asarray(given))
    np.testing.assert_allclose(np.asarray(triangle).T @ basis, given, atol=1e-5)
    present = [0, 1, 3]
    np.testing.assert_allclose(basis[present, :] @ np.asarray(basis[present, :]).T, np.eye(3), atol=1e-6)
    # What depends on the columns before it, or is padding, adds no direction.
    np.testing.assert_array_equal(np.asarray(basis)[[2, 4]], 0)
    alone, _ = thin_qr(jnp.asarray(given[:2]))
    np.testing.assert_allclose(basis[:2], alone, atol=1e-6)


# The model ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coefficients", ["even", "gaussian"])
@pytest.mark.parametrize("design", ["iso", "factor", "walk", "pairs"])
def test_predictions_have_mean_square_one(design, coefficients):
    problem, truth = instance(design=design, coefficients=coefficients, noise=0.0)
    matrix, w = trimmed(truth)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=0), np.sqrt(30))
    assert np.count_nonzero(w) == 4
    np.testing.assert_allclose(np.mean((matrix @ w) ** 2), 1, rtol=1e-9)
    np.testing.assert_allclose(problem.observations[:30], matrix @ w, atol=1e-8)
    support = np.flatnonzero(w)
    if coefficients == "even":
        basis, _ = np.linalg.qr(matrix[:, support])
        np.testing.assert_allclose(np.abs(basis.T @ matrix @ w), np.sqrt(30 / 4), rtol=1e-6)
    for column in support:
        others = matrix[:, np.setdiff1d(support, column)]
        rest = matrix[:, column] - others @ np.linalg.lstsq(others, matrix[:, column], rcond=None)[0]
        np.testing.assert_allclose(truth.distances[column], np.linalg.norm(rest), rtol=1e-5)


def test_the_oracle_is_least_squares_on_the_support():
    problem, truth = instance()
    matrix, w = trimmed(truth)
    y, support = np.asarray(problem.observations)[:30], np.flatnonzero(w)
    fit = matrix[:, support] @ np.linalg.lstsq(matrix[:, support], y, rcond=None)[0]
    np.testing.assert_allclose(truth.oracle[:30], fit, atol=1e-6)
    model = rc.models.SparsePrediction(40, 30, 4)
    guess = np.ones(40)
    with jax.enable_x64(True):
        scores, error = eqx.filter_jit(lambda truth, guess: (model.metrics(truth, truth), model.error(truth, guess)))(
            truth, guess
        )
    np.testing.assert_allclose(scores["oracle_error"], np.mean((fit - matrix @ w) ** 2), rtol=1e-5)
    np.testing.assert_allclose(error, np.mean((matrix @ (guess - w)) ** 2), rtol=1e-9)


def test_kinds_of_designs():
    matrix, w = trimmed(instance(design="pairs", support="paired", least_distance=1e-3)[1])
    assert sorted(np.flatnonzero(w) // 2) == sorted([*set(np.flatnonzero(w) // 2)] * 2)
    apart = np.linalg.norm(matrix[:, 1::2] - matrix[:, ::2], axis=0) / np.sqrt(30)
    assert np.all(apart < 3e-3)
    conditions = [
        np.linalg.cond(trimmed(instance(design="factor", least_distance=eta)[1])[0][:, :20]) for eta in (1, 1e-3)
    ]
    assert conditions[1] > 50 * conditions[0]
    walk, _ = trimmed(instance(design="walk")[1])
    assert np.mean(np.sum(walk[:, 30:-1] * walk[:, 31:], axis=0)) / 30 > 0.95


def test_paired_supports_are_even():
    with pytest.raises(ValueError, match="`sparsity` is 3; a paired support allows even numbers"):
        rc.models.SparsePrediction(40, 30, 3, support="paired")
    with pytest.raises(ValueError, match="`design` is 'other'; allowed: iso, factor, walk, pairs"):
        rc.models.SparsePrediction(40, 30, 3, design="other")


# The solver -----------------------------------------------------------------------------------------------------------


@eqx.filter_jit
def solved(problem, solver, seed):
    solution = rc.core.solve.run(problem, solver, jax.random.key(seed), 4000)
    found = solution.state, solution.value, solution.stats["risk"]
    return *found, solver.fits(problem, solution.state), solver.risks(problem, solution.state)


def answered(problem, solver, seed=0):
    """State, answer, its risk, fits and risks, in double precision."""
    with jax.enable_x64(True):
        return solved(problem, solver, seed)


@pytest.fixture(scope="module")
def answer():
    problem, truth = instance(least_distance=1e-2)
    solver = rc.solvers.PreconditionedLasso(6, tolerance=1e-9)
    return problem, truth, solver, *jax.tree.map(np.asarray, answered(problem, solver, 3))


def test_the_fit_is_the_lasso_of_scikit_learn_off_the_span(answer):
    problem, truth, _, state, _, _, fits, _ = answer
    matrix, y = np.asarray(truth.matrix)[:30], np.asarray(problem.observations)[:30]
    chosen = matrix[:, np.asarray(state.places)]
    span, _ = np.linalg.qr(chosen)
    off = np.eye(30) - span @ span.T
    rest = off @ matrix
    lengths = np.linalg.norm(rest, axis=0)
    atoms = np.where(lengths > 1e-9, rest / np.maximum(lengths, 1e-9), 0)
    for place in (3, 7):
        strength = float(state.strengths[place])
        lasso = Lasso(strength / 30, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(atoms, off @ y)
        np.testing.assert_allclose(fits[place][:30], y - off @ y + atoms @ lasso.coef_, atol=1e-4)
    np.testing.assert_allclose(state.strengths[0], np.abs(atoms.T @ off @ y).max(), rtol=1e-9)
    np.testing.assert_array_equal(state.x[0], 0)
    assert float(np.max(state.gaps)) <= 1e-9


def test_coefficients_give_the_fit_of_least_risk(answer):
    problem, truth, _, state, value, risk, fits, risks = answer
    best = int(np.argmin(risks))
    np.testing.assert_allclose(np.asarray(truth.matrix) @ value, fits[best], atol=1e-8)
    y, sigma = np.asarray(problem.observations)[:30], 0.3
    freedom = 6 + np.count_nonzero(state.x[best])
    left = np.mean((y - np.asarray(fits[best])[:30]) ** 2)
    np.testing.assert_allclose(risks[best], left - sigma**2 + 2 * sigma**2 * freedom / 30, rtol=1e-9)
    np.testing.assert_allclose(risk, risks[best], rtol=1e-9)


def test_without_a_known_noise_it_cross_validates(answer):
    problem, _, solver, state, _, _, fits, _ = answer
    with jax.enable_x64(True):
        unknown = eqx.tree_at(lambda problem: problem.noise, problem, None)
        risks = np.asarray(eqx.filter_jit(type(solver).risks)(solver, unknown, state))
    freedom = (6 + np.count_nonzero(state.x, axis=1)) / 30
    left = np.mean((np.asarray(problem.observations) - np.asarray(fits))[:, :30] ** 2, axis=1)
    np.testing.assert_allclose(risks[freedom < 1], (left / (1 - freedom) ** 2)[freedom < 1], rtol=1e-9)


def test_no_columns_are_the_lasso():
    problem, truth = instance(design="iso")
    state, *_, fits, _ = answered(problem, rc.solvers.PreconditionedLasso(0, tolerance=1e-9))
    matrix, y = np.asarray(truth.matrix)[:30], np.asarray(problem.observations)[:30]
    # Unit columns against columns of norm sqrt(N).
    strength = float(state.strengths[4]) / np.sqrt(30)
    lasso = Lasso(strength, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(matrix, y)
    np.testing.assert_allclose(fits[4][:30], matrix @ lasso.coef_, atol=1e-5)


def test_exhaustive_search_bounds_what_is_possible():
    """At a toy size: the best support, of all of them, predicts better than the preconditioned LASSO."""
    found = []
    for seed in range(6):
        problem, truth = instance(seed, sparsity=2, noise=0.05)
        matrix, w = trimmed(truth)
        y = np.asarray(problem.observations)[:30]
        fits = [
            matrix[:, list(pair)] @ np.linalg.lstsq(matrix[:, list(pair)], y, rcond=None)[0]
            for pair in itertools.combinations(range(40), 2)
        ]
        best = min(fits, key=lambda fit: np.sum((y - fit) ** 2))
        _, value, *_ = answered(problem, rc.solvers.PreconditionedLasso(4), seed)
        found.append([np.mean((fit - matrix @ w) ** 2) for fit in (best, matrix @ np.asarray(value))])
    exhaustive, own = np.mean(found, axis=0)
    assert exhaustive < own < 0.01


# The argument ---------------------------------------------------------------------------------------------------------


def test_random_columns_are_seldom_farther():
    generator = np.random.default_rng(0)
    sparsity, columns, farther, norms = 4, 9, [], []
    for _ in range(150):
        scales = 10.0 ** generator.uniform(-4, 0, 30)
        matrix = generator.standard_normal((25, 2)) @ generator.standard_normal((2, 30))
        matrix = matrix + scales * generator.standard_normal((25, 30))
        support, chosen = (generator.permutation(30)[:size] for size in (sparsity, columns))

        def distance(column, others, matrix=matrix):
            return np.linalg.norm(matrix[:, column] - _projected(matrix[:, others], matrix[:, column]))

        near = np.array([distance(i, chosen) for i in support])
        rest = np.array([distance(i, np.setdiff1d(support, i)) for i in support])
        farther.append(near > rest)
        if not np.any(near > rest):
            w = generator.standard_normal(sparsity) / rest
            norms.append(np.sum(np.abs(w) * near) / np.linalg.norm(matrix[:, support] @ w))
    assert np.mean(farther) < float(rc.theory.farther_probability(columns, sparsity)) == 0.25
    assert max(norms) <= sparsity


def _projected(columns, vector):
    basis, _ = np.linalg.qr(columns)
    return basis @ (basis.T @ vector)


def test_bounds():
    np.testing.assert_allclose(
        rc.theory.farther_probability(np.array([0, 7, 13, 14, 64]), 8), [1, 1 / 2, 1 / 2, 1 / 3, 1 / 10]
    )
    assert float(rc.theory.farther_probability(3, 1)) == 0
    slow = float(rc.theory.lasso_slow_rate(200, 50, 3.0, 0.5))
    np.testing.assert_allclose(slow, 4 * 0.5 * 3 * np.sqrt(2 * np.log(100) / 200), rtol=1e-6)
    whole = float(rc.theory.preconditioned_lasso_error(200, 50, 3, 0.5, 8))
    np.testing.assert_allclose(whole, slow + 0.25 * 8 / 200, rtol=1e-6)
    with pytest.raises(ValueError, match="columns must lie in"):
        rc.theory.farther_probability(-1, 3)


def test_the_lasso_obeys_the_slow_rate():
    """At the strength of the bound, with as much noise as it allows."""
    generator = np.random.default_rng(1)
    matrix = generator.standard_normal((60, 3)) @ generator.standard_normal((3, 80)) + generator.standard_normal(
        (60, 80)
    )
    matrix *= np.sqrt(60) / np.linalg.norm(matrix, axis=0)
    w = np.zeros(80)
    w[:4] = [1, -1, 2, 1]
    noise = 0.5 * generator.standard_normal(60)
    strength = 0.5 * np.sqrt(2 * np.log(160) / 60)
    noise *= 0.99 * strength * 60 / np.abs(matrix.T @ noise).max()
    lasso = Lasso(strength, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(matrix, matrix @ w + noise)
    error = np.mean((matrix @ (lasso.coef_ - w)) ** 2)
    assert error < float(rc.theory.lasso_slow_rate(60, 80, np.abs(w).sum(), 0.5))


def test_the_snippet_of_the_page():
    problem, truth = instance(samples=32, least_distance=1e-2)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope = {"X": np.asarray(truth.matrix), "y": np.asarray(problem.observations), "k": 4}
    exec(snippet, scope)
    error = np.mean(
        (scope["X"] @ np.asarray(scope["w"]) - np.asarray(truth.matrix) @ np.asarray(truth.coefficients)) ** 2
    )
    assert error < 0.2
