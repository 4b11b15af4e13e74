"""Message passing for any prior and channel, and the existence of logistic estimates, against NumPy and SciPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import linprog

import recover as rc

CHANNELS = rc.channels
# The likelihood of an observation, written out anew, and an observation.
LIKELIHOODS = {
    "gaussian": (CHANNELS.GaussianChannel(0.5), lambda y, z: stats.norm.pdf(y, z, 0.5), 0.7),
    "sign": (CHANNELS.SignChannel(0.3), lambda y, z: stats.norm.cdf(y * z / 0.3), -1.0),
    "logistic": (CHANNELS.LogisticChannel(2.0), lambda y, z: 1 / (1 + np.exp(-2 * y * z)), -1.0),
    "poisson": (CHANNELS.PoissonChannel(), lambda y, z: stats.poisson.pmf(y, np.exp(z)), 6.0),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_posteriors_are_those_of_quadrature(name):
    channel, likelihood, y = LIKELIHOODS[name]
    mean, variance = 0.4, 0.6
    moments = [
        quad(lambda z, k=k: z**k * likelihood(y, z) * stats.norm.pdf(z, mean, variance**0.5), -6, 6, limit=200)[0]
        for k in range(3)
    ]
    expected = moments[1] / moments[0], moments[2] / moments[0] - (moments[1] / moments[0]) ** 2
    with jax.enable_x64(True):
        found = channel.posterior(jnp.asarray([y]), jnp.asarray([mean]), jnp.asarray(variance))
    np.testing.assert_allclose(np.ravel(found), expected, atol=1e-6)


def test_observations_have_their_means():
    z = jnp.full(20_000, 0.5)
    means = {
        "gaussian": 0.5,
        "sign": 2 * stats.norm.cdf(0.5 / 0.3) - 1,
        "logistic": np.tanh(0.5),
        "poisson": np.exp(0.5),
    }
    for name, (channel, _, _) in LIKELIHOODS.items():
        y = np.asarray(eqx.filter_jit(channel.draw)(jax.random.key(1), z))
        assert abs(np.mean(y) - means[name]) < 4 * np.std(y) / len(y) ** 0.5, name


def instance(seed=0, **law):
    with jax.enable_x64(True):
        problem, truth = rc.models.ChannelRegression(**law).sample(jax.random.key(seed))
        matrix = jax.jit(lambda problem: problem.operator.as_matrix())(problem)
    return problem, np.asarray(matrix), np.asarray(problem.observations), np.asarray(truth)


def test_message_passing_takes_the_steps_of_numpy():
    problem, matrix, y, _ = instance(dimension=30, samples=40, prior=rc.priors.RademacherPrior())
    x, v, g = np.zeros(30), 1.0, np.zeros(40)
    for _ in range(4):
        t = y * (matrix @ x - v * g) / np.sqrt(v)
        odds = stats.norm.pdf(t) / stats.norm.cdf(t)
        g = g + 0.7 * (y * odds / np.sqrt(v) - g)
        precision = np.sum(odds * (odds + t)) / v / 30
        found = np.tanh(precision * x + matrix.T @ g)
        x, v = x + 0.7 * (found - x), v + 0.7 * (np.mean(1 - found**2) - v)
    with jax.enable_x64(True):
        solution = rc.solve(problem, rc.solvers.GAMP(0.7), max_steps=4)
    np.testing.assert_allclose(solution.value, x, atol=1e-8)


def test_separation_is_the_linear_program():
    solver, answers = rc.solvers.SeparatingHyperplane(), []
    with jax.enable_x64(True):
        problems = [
            instance(seed, dimension=8, samples=17, channel=CHANNELS.LogisticChannel(1.0)) for seed in range(12)
        ]
        for problem, matrix, y, _ in problems:
            signed = y[:, None] * matrix
            program = linprog(np.zeros(8), -signed, -np.ones(17), bounds=(None, None))
            solution = rc.solve(problem, solver, max_steps=20_000)
            separated = bool(solution.stats["separated"])
            assert separated == (program.status == 0)
            assert separated == bool(np.all(signed @ np.asarray(solution.value) > 0))
            answers.append(separated)
    assert 0 < sum(answers) < len(answers)


def test_the_boundary_of_existence():
    """Numbers of an independent quadrature and minimisation in NumPy; at zero signal that of Cover."""
    with jax.enable_x64(True):
        found = rc.theory.logistic_existence_threshold(jnp.asarray([0.0, 1.0, 2.0, 5.0, 15.0]))
    np.testing.assert_allclose(found, [0.5, 0.43894, 0.34493, 0.18505, 0.0669], atol=1e-5)
    with pytest.raises(ValueError, match="signal must lie in"):
        rc.theory.logistic_existence_threshold(-1.0)


def test_the_law_of_the_estimate():
    """The digits that Sur and Candès publish, and others of NumPy."""
    with jax.enable_x64(True):
        law = jax.jit(rc.theory.logistic_likelihood_law)(jnp.asarray([0.2, 0.1]), jnp.asarray([5**0.5, 1.0]))
    np.testing.assert_allclose(law, [[1.4994, 4.7436, 3.0269], [1.1238, 2.6167, 0.6095]], atol=6e-5)


def test_maximum_likelihood_has_no_slope():
    problem, matrix, y, _ = instance(dimension=6, samples=90, channel=CHANNELS.PoissonChannel())
    with jax.enable_x64(True):
        solution = rc.solve(problem, rc.solvers.MaximumLikelihood(), max_steps=30)
    assert np.linalg.norm(matrix.T @ (y - np.exp(matrix @ np.asarray(solution.value)))) < 1e-3
