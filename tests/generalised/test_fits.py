"""Losses, descents and paths against NumPy and scikit-learn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Lasso, LogisticRegression

import recover as rc
from recover.scalar.penalty_parts import concave_gradient, concavity, slope_at_zero

GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((60, 12))
SIGNAL = X @ np.r_[2.0, -1.5, 1.0, np.zeros(9)]
OUTCOMES = {
    "identity": SIGNAL + GENERATOR.standard_normal(60),
    "logistic": (GENERATOR.random(60) < 1 / (1 + np.exp(-SIGNAL))).astype(float),
}
links = pytest.mark.parametrize("link", OUTCOMES)
PENALTIES = {"SCAD": rc.penalties.SCAD(0.1), "MCP": rc.penalties.MCP(0.1), "L1": rc.penalties.L1(0.1)}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def loss(x, link, rows=slice(None)):
    """The mean loss, written down in NumPy."""
    predictor, y = X[rows] @ x, OUTCOMES[link][rows]
    losses = (y - predictor) ** 2 if link == "identity" else np.logaddexp(0, predictor) - y * predictor
    return losses.mean() / 2


def gradient(x, link):
    mean = X @ x if link == "identity" else 1 / (1 + np.exp(-(X @ x)))
    return X.T @ (mean - OUTCOMES[link]) / len(X) * (1 if link == "identity" else 0.5)


@links
def test_losses_and_gradients(link):
    problem = rc.GeneralisedLinearProblem(X, OUTCOMES[link], link, training=40)
    x = jnp.asarray(GENERATOR.standard_normal(12))
    fitted, held_out = eqx.filter_jit(lambda p: (p.loss(p.predictor(x)), p.loss(p.predictor(x), held_out=True)))(
        problem
    )
    np.testing.assert_allclose(fitted, loss(x, link, slice(40)), rtol=1e-10)
    np.testing.assert_allclose(held_out, loss(x, link, slice(40, None)), rtol=1e-10)
    found = eqx.filter_jit(lambda p: (p.gradient(p.predictor(x)), jax.grad(lambda z: p.loss(p.predictor(z)))(x)))(
        problem
    )
    np.testing.assert_allclose(*found, rtol=1e-8)


def test_binary_outcomes_are_zero_or_one():
    with pytest.raises(ValueError, match=r"`observations` has the entry .*; 0 and 1 are allowed"):
        rc.GeneralisedLinearProblem(X, OUTCOMES["identity"], "logistic")
    with pytest.raises(ValueError, match=r"`link` is 'probit'; allowed: identity, logistic"):
        rc.GeneralisedLinearProblem(X, OUTCOMES["identity"], "probit")


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_its_l1_part_and_a_smooth_concave_one(name):
    penalty, x = PENALTIES[name], np.linspace(-0.6, 0.6, 401)
    x = jnp.asarray(x[np.abs(x) > 1e-9])
    whole = jax.vmap(jax.grad(penalty.value))(x)
    part = concave_gradient(penalty, x)
    np.testing.assert_allclose(whole, part + slope_at_zero(penalty, x) * np.sign(x), atol=1e-12)
    steepest = np.max(np.abs(np.diff(part) / np.diff(x)))
    np.testing.assert_allclose(steepest, concavity(penalty), rtol=1e-6, atol=1e-12)


def test_penalties_that_are_steep_at_zero_are_refused():
    with pytest.raises(ValueError, match="`penalty` is a LQ; L1, SCAD or MCP is allowed"):
        rc.solvers.NonconvexAcceleratedGradient(rc.penalties.LQ(0.1, exponent=0.5))


def scad_concave_gradient(t, strength, a=3.7):
    return np.where(
        np.abs(t) <= strength,
        0,
        np.where(np.abs(t) <= a * strength, (strength * np.sign(t) - t) / (a - 1), -strength * np.sign(t)),
    )


@links
@pytest.mark.parametrize("damping", ["proposed", "original", "none"])
def test_accelerated_gradient_is_the_iteration_of_the_authors(damping, link):
    """Their code, transcribed, with the norm of the matrix as our solver finds it."""
    strength, steps = 0.05, 25
    problem = rc.GeneralisedLinearProblem(X, OUTCOMES[link], link)
    solver = rc.solvers.NonconvexAcceleratedGradient(
        rc.penalties.SCAD(strength), damping, initial=1.0, tolerance=-1, patience=0
    )
    solution = rc.solve(problem, solver, max_steps=steps)
    curvature = 1 if link == "identity" else 1 / 8
    lipschitz = 1 / float(solution.state.memory.longest)
    expected = max(curvature * np.linalg.norm(X, 2) ** 2 / len(X), 1 / 2.7)
    np.testing.assert_allclose(lipschitz, expected, rtol=1e-2)
    short = {"proposed": 0.99, "original": 0.5, "none": 1.0}[damping] / lipschitz
    b = ag = -np.sign(gradient(np.zeros(12), link))
    alpha = 1.0

    def soft(v, threshold):
        return np.sign(v) * np.maximum(np.abs(v) - threshold, 0)

    for k in range(1, steps + 1):
        alpha = {"proposed": 2 / (1 + np.sqrt(1 + 4 / alpha**2)), "original": 2 / (k + 1), "none": 1.0}[damping]
        long = {"proposed": short / alpha, "original": k * short / 2, "none": short}[damping]
        middle = (1 - alpha) * ag + alpha * b
        slope = gradient(middle, link) + scad_concave_gradient(middle, strength)
        b, ag = soft(b - long * slope, long * strength), soft(middle - short * slope, short * strength)
    np.testing.assert_allclose(solution.value, ag, atol=1e-10)


def reference(link, strength):
    """The l1 fit of scikit-learn."""
    if link == "identity":
        return Lasso(alpha=strength, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(X, OUTCOMES[link]).coef_
    options = {"fit_intercept": False, "solver": "saga", "tol": 1e-10, "max_iter": 100_000, "l1_ratio": 1.0}
    fitted = LogisticRegression(C=1 / (2 * strength * len(X)), **options).fit(X, OUTCOMES[link])
    return fitted.coef_[0]


@links
@pytest.mark.parametrize("kind", [rc.solvers.NonconvexAcceleratedGradient, rc.solvers.CoordinateDescent])
def test_l1_fits_are_those_of_scikit_learn(kind, link):
    problem = rc.GeneralisedLinearProblem(X, OUTCOMES[link], link)
    solution = rc.solve(problem, kind(0.03, tolerance=1e-10, patience=0), max_steps=3000)
    np.testing.assert_allclose(solution.value, reference(link, 0.03), atol=1e-6)


@pytest.mark.parametrize("screening", [np.inf, 1.0])
def test_a_path_chooses_among_the_fits_on_its_grid(screening):
    """For an l1 penalty each of them is unique, and here the strong rule discards nothing that matters."""
    y, points = OUTCOMES["identity"], 8
    largest = np.max(np.abs(X[:40].T @ y[:40])) / 40
    strengths = largest * (1 - np.arange(points) / points)
    fits = [Lasso(alpha=each, fit_intercept=False, tol=1e-12).fit(X[:40], y[:40]).coef_ for each in strengths]
    losses = [loss(each, "identity", slice(40, None)) for each in fits]
    problem = rc.GeneralisedLinearProblem(X, y, training=40)
    descent = rc.solvers.NonconvexAcceleratedGradient(1.0, tolerance=1e-9)
    path = rc.solve(problem, rc.solvers.RegularisationPath(descent, points, screening), max_steps=5000)
    assert path.result == rc.Result.converged
    np.testing.assert_allclose(path.stats["strength"], strengths[np.argmin(losses)], rtol=1e-10)
    np.testing.assert_allclose(path.value, fits[np.argmin(losses)], atol=1e-6)


def test_a_rule_that_halves_correlations_selects_less():
    problem, _ = rc.models.BlockSparseRegression(60, 80, 0.5, 1.0, held_out=0.5, width=2).sample(jax.random.key(1))
    descent = rc.solvers.CoordinateDescent(rc.penalties.MCP(1.0))
    paths = [rc.solvers.RegularisationPath(descent, 20, screening=s, steps=50) for s in (np.inf, 0.5)]
    selected = [int(jnp.sum(rc.solve(problem, each, max_steps=1000).value != 0)) for each in paths]
    assert 0 < selected[1] < selected[0]


def test_blocks_are_as_the_paper_says():
    model = rc.models.BlockSparseRegression(70, 4000, 0.7, 3.0)
    problem, truth = model.sample(jax.random.key(0))
    matrix = np.asarray(problem.operator.as_matrix())
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(matrix.std(axis=0), 1, rtol=1e-10)
    lags = np.abs(np.subtract.outer(np.arange(70), np.arange(70)))
    assert np.max(np.abs(matrix.T @ matrix / 4000 - 0.7**lags)) < 0.08
    starts = np.r_[0, 15, 30, 45, 60]
    assert set(np.flatnonzero(truth)) == {start + offset for start in starts for offset in range(10)}
    means = np.asarray(truth).reshape(-1)[starts[:, None] + np.arange(10)].mean(axis=1)
    np.testing.assert_allclose(means, [0.5, 5, 10, 20, 50], atol=4)
    noise = np.asarray(problem.observations) - matrix @ np.asarray(truth)
    variance = np.asarray(truth) @ (0.7**lags) @ np.asarray(truth)
    np.testing.assert_allclose(noise.var(), variance / 3, rtol=0.1)
    with pytest.raises(ValueError, match="`dimension` is 40; at least 50, 5 blocks of 10, is allowed"):
        rc.models.BlockSparseRegression(40, 10)


def test_damping_is_the_sequence_of_fista():
    t = [1.0]
    for _ in range(200):
        t.append((1 + np.sqrt(1 + 4 * t[-1] ** 2)) / 2)
    np.testing.assert_allclose(rc.theory.proposed_damping(1.0, 201), 1 / np.asarray(t), rtol=1e-10)
    k = np.arange(8.0, 200)
    assert np.all(1 / np.asarray(t)[8:200] <= rc.theory.damping_bound(k))
    # At step 20, by hand: l = -2.302585, b = 0.3087, a = 0.4853.
    np.testing.assert_allclose(rc.theory.damping_bound(20.0), 0.1813, atol=2e-3)
    with pytest.raises(ValueError, match=r"step must lie in \[8, inf\); got 3"):
        rc.theory.damping_bound(3)
