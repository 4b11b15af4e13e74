"""Message passing and sparse Bayesian learning against theory and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating, floating_dtype
from recover.solvers import AMP, VAMP, BayesAMP, SparseBayesianLearning
from recover.sparse.denoisers import BernoulliGauss, SoftThreshold
from tests.compiled import compiled


def mse_history(model, solver, steps, count, seed=0):
    """Mean squared error per coefficient after every step, with its standard error over instances."""

    def one(key):
        problem, truth = model.sample(key)
        cast = cast_floating(solver, floating_dtype(problem))
        state = cast.init(problem, key)

        def body(state, _):
            state = cast.step(problem, state)
            return state, jnp.mean((state.x - truth) ** 2)

        return jax.lax.scan(body, state, None, length=steps)[1], jnp.mean(truth**2)

    curves, power = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(seed), count))
    # Instances differ mostly in the power of their nonzeros; theory has power 0.1.
    relative = np.asarray(curves / power[:, None])
    return relative.mean(0), relative.std(0, ddof=1) / np.sqrt(count)


def soft_threshold_mse(density, tau, alpha, draws=400_000):
    """E (eta(X + tau Z; alpha tau) - X)^2 for Bernoulli-Gauss X, by Monte Carlo."""
    generator = np.random.default_rng(0)
    x = generator.standard_normal(draws) * (generator.random(draws) < density)
    r = x + tau * generator.standard_normal(draws)
    return np.mean((np.sign(r) * np.maximum(np.abs(r) - alpha * tau, 0) - x) ** 2)


def posterior_mean_mse(density, tau, draws=400_000):
    """E (E[X | X + tau Z] - X)^2 for Bernoulli-Gauss X, by Monte Carlo."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal(draws) * (generator.random(draws) < density)
    r = x + tau * generator.standard_normal(draws)
    on = density * np.exp(-(r**2) / 2 / (1 + tau**2)) / np.sqrt(1 + tau**2)
    off = (1 - density) * np.exp(-(r**2) / 2 / tau**2) / tau
    return np.mean((on / (on + off) * r / (1 + tau**2) - x) ** 2)


@pytest.mark.parametrize("bayes", [False, True])
def test_every_step_follows_state_evolution(bayes):
    dimension, samples, sparsity, noise, count = 1000, 500, 100, 0.1, 24
    density, ratio = sparsity / dimension, samples / dimension
    model = rc.models.SparseRegression(dimension, samples, sparsity, noise=noise)
    alpha = 1.3
    solver = BayesAMP(density=density, variance=1.0, relaxation=1.0) if bayes else AMP(threshold=alpha, relaxation=1.0)
    steps = 12
    mean, error = mse_history(model, solver, steps, count)
    mse = density
    for t in range(steps):
        tau = np.sqrt(noise**2 + mse / ratio)
        mse = posterior_mean_mse(density, tau) if bayes else soft_threshold_mse(density, tau, alpha)
        # Four standard errors, the error of the Monte Carlo integral, and corrections of order 1/n.
        assert abs(mean[t] - mse / density) < 4 * error[t] + 0.03 * mse / density, (t, mean[t], mse / density)


def test_bayes_amp_reaches_to_the_spinodal(trials):
    # Spinodal at a sampling ratio of 0.3: 0.534; Donoho and Tanner's curve: 0.291.
    below, _, _ = trials(rc.models.SparseRegression(1000, 300, 120), BayesAMP(), count=12, max_steps=400)
    above, _, _ = trials(rc.models.SparseRegression(1000, 300, 176), BayesAMP(), count=12, max_steps=400)
    assert np.mean(below < 1e-3) > 0.75, below
    assert np.mean(above < 1e-3) < 0.4, above


@pytest.mark.parametrize(("sparsity", "succeeds"), [(27, True), (50, False)])
def test_amp_transition_is_that_of_donoho_and_tanner(sparsity, succeeds, trials):
    # 0.386 of 100 samples is 39.
    for amplitudes in ("gaussian", "signs"):
        model = rc.models.SparseRegression(200, 100, sparsity, amplitudes=amplitudes)
        errors, results, _ = trials(model, AMP(), max_steps=1000)
        rate = np.mean(errors < 1e-3)
        assert rate > 0.8 if succeeds else rate < 0.2, (amplitudes, rate)
        assert "diverged" not in results


def test_relaxation_does_not_change_what_counts_as_active(sparse_data):
    matrix, observations, truth = sparse_data(samples=150, dimension=300, sparsity=15)
    problem = rc.LinearProblem(matrix, observations)
    for relaxation in (1.0, 0.8, 0.5):
        solution = rc.solve(problem, AMP(relaxation=relaxation), max_steps=500)
        assert np.linalg.norm(solution.value - truth) < 1e-4 * np.linalg.norm(truth)


def test_nonnegative_amp_uses_the_sign(trials):
    # Transitions at 0.386 and 0.558 of the samples.
    model = rc.models.SparseRegression(200, 100, 45, amplitudes="nonnegative")
    nonnegative, _, _ = trials(model, AMP(nonnegative=True))
    assert np.mean(nonnegative < 1e-3) > 0.8


def test_vamp_solves_what_breaks_amp(result_name):
    generator = np.random.default_rng(0)
    left = np.linalg.qr(generator.standard_normal((100, 100)))[0]
    right = np.linalg.qr(generator.standard_normal((200, 100)))[0]
    matrix = left * np.geomspace(1, 0.01, 100) @ right.T
    truth = np.zeros(200)
    truth[:15] = generator.standard_normal(15)
    problem = rc.LinearProblem(matrix, matrix @ truth)
    assert result_name(rc.solve(problem, AMP(), max_steps=300)) == "diverged"
    for denoiser in (BernoulliGauss(), SoftThreshold()):
        solution = rc.solve(problem, VAMP(denoiser=denoiser), max_steps=300)
        assert np.linalg.norm(solution.value - truth) < 1e-3 * np.linalg.norm(truth), denoiser


def test_vamp_and_bayes_amp_agree_on_gaussian_designs_with_noise(trials):
    model = rc.models.SparseRegression(200, 100, 12, noise=0.05)
    amp, _, _ = trials(model, BayesAMP())
    vamp, _, _ = trials(model, VAMP())
    np.testing.assert_allclose(np.median(vamp), np.median(amp), rtol=0.15)


def test_vamp_learns_the_noise(sparse_data):
    matrix, observations, truth = sparse_data(samples=200, dimension=400, sparsity=20, noise=0.05, seed=2)
    solution = rc.solve(rc.LinearProblem(matrix, observations), VAMP(), max_steps=300)
    np.testing.assert_allclose(np.sqrt(solution.state.noise_variance), 0.05, rtol=0.15)
    known = rc.solve(rc.LinearProblem(matrix, observations, noise=0.05), VAMP(), max_steps=300)
    assert np.linalg.norm(solution.value - known.value) < 0.02 * np.linalg.norm(truth)


def test_vamp_works_with_more_samples_than_unknowns(sparse_data):
    matrix, observations, truth = sparse_data(samples=120, dimension=80, sparsity=20)
    solution = rc.solve(rc.LinearProblem(matrix, observations), VAMP(), max_steps=300)
    assert np.linalg.norm(solution.value - truth) < 1e-4 * np.linalg.norm(truth)


def test_bernoulli_gauss_is_the_posterior_mean():
    density, slab, variance = 0.2, 1.7, 0.3
    r = np.linspace(-4, 4, 9)
    grid = np.linspace(-15, 15, 200_001)
    prior = np.exp(-(grid**2) / 2 / slab) / np.sqrt(2 * np.pi * slab)
    step = grid[1] - grid[0]
    expected = []
    for value in r:
        likelihood = np.exp(-((value - grid) ** 2) / 2 / variance)
        zero = (1 - density) * np.exp(-(value**2) / 2 / variance)
        weights = density * prior * likelihood * step
        expected.append(np.sum(weights * grid) / (np.sum(weights) + zero))
    with jax.enable_x64(True):
        parameters = (jnp.asarray(density), jnp.asarray(slab))
        points, noise = jnp.asarray(r), jnp.asarray(variance)
        mean, derivative = BernoulliGauss().denoise(parameters, points, noise)
        np.testing.assert_allclose(mean, expected, rtol=1e-6, atol=1e-9)
        slope = jax.vmap(jax.grad(lambda v: BernoulliGauss().denoise(parameters, v, noise)[0]))(points)
        np.testing.assert_allclose(derivative, slope, rtol=1e-8)


def test_expectation_maximisation_finds_the_prior():
    generator = np.random.default_rng(0)
    x = 2 * generator.standard_normal(20_000) * (generator.random(20_000) < 0.15)
    r = jnp.asarray(x + 0.1 * generator.standard_normal(20_000), jnp.float32)
    parameters = (jnp.asarray(0.5), jnp.asarray(1.0))
    for _ in range(100):
        parameters = compiled(BernoulliGauss().learn, parameters, r, jnp.asarray(0.01))
    np.testing.assert_allclose(parameters, (0.15, 4.0), rtol=0.05)
    held = BernoulliGauss(density=0.5).learn((jnp.asarray(0.5), jnp.asarray(1.0)), r, jnp.asarray(0.01))
    assert held[0] == 0.5
    assert held[1] != 1.0


def test_sparse_bayesian_learning_succeeds_beyond_l1(trials):
    model = rc.models.SparseRegression(200, 100, 44)
    errors, _, _ = trials(model, SparseBayesianLearning(), max_steps=100)
    assert np.mean(errors < 1e-3) > 0.7, errors


@pytest.mark.parametrize("update", ["expectation_maximisation", "mackay", "convex_bounding"])
def test_every_update_raises_the_evidence_and_finds_the_coefficients(update, sparse_data):
    matrix, observations, truth = sparse_data(samples=30, dimension=60, sparsity=4, noise=0.05)

    def evidence(state):
        covariance = matrix * np.asarray(state.variances) @ matrix.T + float(state.noise_variance) * np.eye(30)
        return -0.5 * (np.linalg.slogdet(covariance)[1] + observations @ np.linalg.solve(covariance, observations))

    with jax.enable_x64(True):
        problem = rc.LinearProblem(matrix, observations)
        solver = cast_floating(SparseBayesianLearning(noise=0.05, update=update), floating_dtype(problem))
        state = compiled(solver.init, problem, jax.random.key(0))
        values = []
        for _ in range(30):
            values.append(evidence(state))
            state = compiled(solver.step, problem, state)
    if update == "mackay":  # no guarantee
        assert values[-1] > values[0]
    else:
        assert np.all(np.diff(values) > -1e-9 * abs(values[0]))
    assert np.linalg.norm(np.asarray(state.x) - truth) < 0.2 * np.linalg.norm(truth)


def test_sparse_bayesian_learning_is_the_posterior_mean(sparse_data):
    matrix, observations, _ = sparse_data(samples=30, dimension=60, sparsity=4, noise=0.05)
    with jax.enable_x64(True):
        problem = rc.LinearProblem(matrix, observations)
        solver = cast_floating(SparseBayesianLearning(noise=0.05), floating_dtype(problem))
        state = compiled(solver.init, problem, None)
        after = compiled(solver.step, problem, state)
        precision = matrix.T @ matrix / 0.05**2 + np.diag(1 / np.asarray(state.variances))
        np.testing.assert_allclose(after.x, np.linalg.solve(precision, matrix.T @ observations) / 0.05**2, rtol=1e-7)
