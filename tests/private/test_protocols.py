"""Users, their averages, and the two protocols, against NumPy."""

import pathlib
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.solve import run

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "slr_ldp.md").read_text()
N, D, K = 5000, 6, 2


@pytest.fixture(scope="module")
def users():
    """Users with heavy clipping, and room for more."""
    model = rc.models.PlantedUsers(D, N, K, truncation=0.3)
    return model, *rc.core.with_capacities(model, {"samples": N + 7}).sample(jax.random.key(2))


def rows(problem):
    return np.asarray(problem.operator.as_matrix(), float)[:N], np.asarray(problem.observations, float)[:N]


# Models ---------------------------------------------------------------------------------------------------------------


def test_planted_users_follow_their_law(users):
    model, problem, truth = users
    features, responses = rows(problem)
    theta = np.asarray(truth)
    assert np.count_nonzero(theta) == K
    np.testing.assert_allclose(np.abs(theta[theta != 0]), K**-0.5, rtol=1e-6)
    assert abs(np.std(responses - features @ theta) - 0.5) < 0.03
    assert np.abs(features.T @ features / N - np.eye(D)).max() < 0.1
    metrics = model.metrics(truth, jnp.where(truth != 0, truth, jnp.asarray([1.0] * D)))
    assert float(metrics["found"]) == 1
    np.testing.assert_allclose(metrics["false"], (D - K) / D, rtol=1e-6)


def test_averages_without_users_fluctuate_like_those_of_users():
    """Covariances of entries of S and b, from many draws of both, at a number of users that can be drawn."""
    number = 400

    def drawn(model, key):
        problem, truth = model.sample(key)
        if isinstance(problem, rc.problems.UserProblem):
            problem = problem.moments()
        return problem.covariance, problem.observations - truth

    found = []
    for model in (rc.models.PlantedUsers(3, number, 1, truncation=2.0), rc.models.PlantedMoments(3, number, 1)):
        keys = jax.random.split(jax.random.key(0), 3000)
        covariance, error = eqx.filter_jit(jax.vmap(lambda key, model=model: drawn(model, key)))(keys)
        found.append((np.asarray(covariance), np.asarray(error)))
    for exact, limit in zip(*found, strict=True):
        np.testing.assert_allclose(limit.std(axis=0) * number**0.5, exact.std(axis=0) * number**0.5, atol=0.12)
        np.testing.assert_allclose(limit.mean(axis=0), exact.mean(axis=0), atol=0.01)


def test_numbers_of_users_are_real_and_traced():
    model = rc.models.PlantedMoments(D, 1e13, K)
    assert np.issubdtype(np.asarray(model.users).dtype, np.floating)
    assert dict(model.capacities) == {"dimension": D}
    problem, truth = model.sample(jax.random.key(0))
    # Sampling errors of 3e-7 are near the resolution of single precision around one, no further off.
    assert np.abs(np.asarray(problem.covariance) - np.eye(D)).max() < 3e-6
    assert np.abs(np.asarray(problem.observations - truth)).max() < 3e-6


def test_averages_do_not_depend_on_room_for_more_dimensions():
    model = rc.models.PlantedMoments(D, 1e4, K)
    wide = rc.core.with_capacities(model, {"dimension": D + 3})
    (one, truth), (other, padded) = (each.sample(jax.random.key(3)) for each in (model, wide))
    np.testing.assert_allclose(truth, padded[:D])
    np.testing.assert_allclose(one.covariance, other.covariance[:D, :D], atol=1e-6)
    for solver in (rc.solvers.PrivateThresholding(1.0), rc.solvers.PrivateIHT(1.0, 3)):
        values = [rc.solve(each, solver, max_steps=50, key=jax.random.key(1)).value for each in (one, other)]
        np.testing.assert_allclose(values[0], values[1][:D], atol=1e-4)
        assert not np.any(values[1][D:])


# Clipping and noise ---------------------------------------------------------------------------------------------------


def test_averages_are_those_of_clipped_users(users):
    _, problem, _ = users
    features, responses = rows(problem)
    level = 0.3 * np.sqrt(np.log(N))
    np.testing.assert_allclose(problem.level, level, rtol=1e-5)
    moments = problem.moments()
    radius = np.sqrt(D) * level
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    assert np.mean(lengths > radius) > 0.5
    short = features * np.minimum(1, radius / lengths)
    np.testing.assert_allclose(moments.covariance, short.T @ short / N, atol=1e-5)
    expected = np.clip(features, -level, level).T @ np.clip(responses, -level, level) / N
    np.testing.assert_allclose(moments.observations, expected, atol=1e-5)
    np.testing.assert_allclose(moments.users, N)


def test_no_user_exceeds_the_sensitivity_that_the_noise_is_for(users):
    """Messages of two users differ by at most what noise is calibrated to, also for outliers and at the corners."""
    _, problem, _ = users
    level, generator = float(problem.level), np.random.default_rng(0)
    wild = np.concatenate(
        [rows(problem)[0], 1e6 * generator.choice([-1.0, 1.0], (200, D)), generator.standard_cauchy((200, D))]
    )
    responses = 1e6 * generator.choice([-1.0, 1.0], len(wild))
    radius = np.sqrt(D) * level
    lengths = np.linalg.norm(wild, axis=1, keepdims=True)
    short = wild * np.minimum(1, radius / lengths)
    squares = np.einsum("ni,nj->nij", short, short).reshape(len(wild), -1)
    products = np.clip(wild, -level, level) * np.clip(responses, -level, level)[:, None]
    unit = float(rc.theory.gaussian_mechanism_scale(0.5, 5e-6))
    scales = rc.solvers.PrivateThresholding(1.0).noise_scales(problem.moments())
    for messages, scale in ((squares, scales.covariance), (products, scales.correlation)):
        spread = max(np.linalg.norm(messages - each, axis=1).max() for each in messages[::37])
        assert spread <= float(scale) / unit * (1 + 1e-5)


@pytest.mark.parametrize("calibration", ["analytic", "classical"])
@pytest.mark.parametrize(("release", "messages"), [("both", 2), ("correlation", 1), ("responses", 1)])
def test_noise_spends_the_budget_and_no_more(users, calibration, release, messages):
    _, problem, _ = users
    epsilon, delta, level = 0.9, 1e-5, float(problem.level)
    solver = rc.solvers.PrivateThresholding(epsilon, delta, release=release, calibration=calibration)
    found = solver.noise_scales(problem.moments())
    sensitivities = (2 * D * level**2, 2 * np.sqrt(D) * level**2, 2 * level)
    used = [(scale, size) for scale, size in zip(found, sensitivities, strict=True) if float(scale) > 0]
    assert len(used) == messages
    for scale, size in used:
        spent = float(rc.theory.gaussian_mechanism_delta(np.float64(epsilon / messages), float(scale), size))
        assert spent <= delta / messages * (1 + 1e-3)


def test_the_noise_that_arrives_is_the_noise_that_was_promised():
    """On averages over users: its standard deviation over keys is that of a message over the root of the number of users."""
    problem, _ = rc.models.PlantedMoments(D, 1e8, K).sample(jax.random.key(0))
    solver = rc.solvers.PrivateThresholding(1.0)
    states = eqx.filter_jit(jax.vmap(lambda key: solver.init(problem, key)))(jax.random.split(jax.random.key(1), 2000))
    scales = solver.noise_scales(problem)
    noise = np.asarray(states.covariance) - np.asarray(problem.covariance)
    np.testing.assert_allclose(noise, noise.transpose(0, 2, 1), atol=1e-7)
    np.testing.assert_allclose(noise.std(axis=0), float(scales.covariance) / 1e4, rtol=0.1)
    upper = noise[:, *np.triu_indices(D)]
    assert np.abs(np.corrcoef(upper.T) - np.eye(upper.shape[1])).max() < 0.1
    own = np.asarray(states.correlation) - np.asarray(problem.observations)
    np.testing.assert_allclose(own.std(axis=0), float(scales.correlation) / 1e4, rtol=0.1)


def test_a_budget_beyond_the_classical_formula_is_refused():
    rc.solvers.PrivateThresholding(2.0, calibration="classical")
    rc.solvers.PrivateThresholding(2.1)
    for epsilon, release in ((2.1, "both"), (1.1, "correlation"), (1.1, "responses")):
        with pytest.raises(ValueError, match="classical formula"):
            rc.solvers.PrivateThresholding(epsilon, calibration="classical", release=release)


# Protocols ------------------------------------------------------------------------------------------------------------


def test_nothing_private_is_least_squares(users):
    _, problem, _ = users
    moments = problem.moments()
    solution = rc.solve(moments, rc.solvers.PrivateThresholding(1.0, release="nothing private"), max_steps=3)
    expected = np.linalg.solve(np.asarray(moments.covariance, float), np.asarray(moments.observations, float))
    np.testing.assert_allclose(solution.value, expected, atol=1e-5)


def test_an_indefinite_covariance_is_reported():
    problem, _ = rc.models.PlantedMoments(16, 1e7, 4).sample(jax.random.key(0))
    solution = rc.solve(problem, rc.solvers.PrivateThresholding(1.0), max_steps=3)
    assert float(solution.stats["indefinite"]) == 1


@pytest.mark.parametrize("thresholding", ["hard", "soft"])
def test_rounds_without_noise_are_those_of_numpy(users, thresholding):
    """The first round at an enormous budget, up to the little noise that is left."""
    problem, truth = rc.models.PlantedMoments(D, 1e12, K).sample(jax.random.key(0))
    solver = rc.solvers.PrivateIHT(1e3, K, thresholding=thresholding)
    state = solver.init(problem, jax.random.key(1))
    found = np.asarray(eqx.filter_jit(type(solver).step)(solver, problem, state).x)
    width, level, batch = D, float(problem.level), np.floor(1e12 / 28)
    radius = (
        np.sqrt(width)
        * level
        * (level if thresholding == "hard" else 1)
        * (np.sqrt(K) + 1 if thresholding == "hard" else 1)
    )
    np.testing.assert_allclose(solver.radius(problem), radius, rtol=1e-5)
    noise = radius * float(rc.theory.ball_mechanism_scale(1e3, D)) / np.sqrt(width * batch)
    moved = np.asarray(problem.observations)
    largest = np.argsort(-np.abs(moved))[:K]
    expected = np.where(np.isin(np.arange(D), largest), moved, 0) if thresholding == "hard" else moved
    expected = expected / max(1, np.linalg.norm(expected))
    assert np.abs(found - expected).max() < 6 * noise
    assert np.linalg.norm(rc.solve(problem, solver, max_steps=40).value - truth) < 1e-2


def test_drawn_messages_and_their_mean_have_one_law():
    """The first round with every message drawn, against the Gaussian mean, on averages of the same clipped users."""
    problem, _ = rc.models.PlantedUsers(3, 3000, 1, truncation=1.5).sample(jax.random.key(4))
    features, responses = problem.clipped()
    moments = rc.problems.MomentProblem(
        features.T @ features / 3000, features.T @ responses / 3000, 3000.0, truncation=1.5
    )
    solver = rc.solvers.PrivateIHT(2.0, 3)

    def gradient(key, problem):
        """What is subtracted in the first round, before anything is thresholded or projected."""
        batch, radius = jnp.floor(problem.users / 9), solver.radius(problem)
        state = solver.init(problem, key)
        return solver._mean_message(problem, state, key, batch, radius)

    keys = jax.random.split(jax.random.key(5), 1500)
    drawn = np.asarray(eqx.filter_jit(jax.vmap(gradient, (0, None)))(keys, problem))
    scale = float(solver.radius(moments) * rc.theory.ball_mechanism_scale(2.0, 3)) / np.sqrt(3 * np.floor(3000 / 9))
    first = features[: 3000 // 9], responses[: 3000 // 9]
    mean = -np.asarray(first[0].T @ first[1]) / (3000 // 9)
    np.testing.assert_allclose(drawn.std(axis=0), scale, rtol=0.1)
    assert np.abs(drawn.mean(axis=0) - mean).max() < 4.5 * scale / np.sqrt(1500)


def test_every_user_sends_one_message_in_all(users):
    """Batches of different rounds are disjoint: data of one user change the message of one round alone."""
    _, problem, _ = users
    solver, rounds = rc.solvers.PrivateIHT(1.0, 3), int(np.ceil(np.log(N)))
    batch = N // rounds
    changed = eqx.tree_at(lambda each: each.observations, problem, problem.observations.at[3 * batch].set(50.0))

    @eqx.filter_jit
    def message(problem, number):
        state = eqx.tree_at(lambda each: each.iteration, solver.init(problem, jax.random.key(0)), number)
        return solver._mean_message(
            problem, state, jax.random.key(9), jnp.asarray(float(batch)), solver.radius(problem)
        )

    differs = [
        bool(np.any(message(problem, jnp.asarray(t)) != message(changed, jnp.asarray(t)))) for t in range(rounds)
    ]
    assert [number for number, each in enumerate(differs) if each] in ([3], [])
    assert int(rc.solve(problem, solver, max_steps=50).stats["steps"]) == rounds


def test_a_poisoned_user_problem_diverges():
    problem, _ = rc.models.PlantedMoments(D, 1e9, K).sample(jax.random.key(0))
    bad = eqx.tree_at(lambda each: each.observations, problem, problem.observations.at[0].set(jnp.nan))
    for solver in (rc.solvers.PrivateThresholding(1.0), rc.solvers.PrivateIHT(1.0, 2)):
        assert "infinite" in str(run(bad, solver, jax.random.key(0), 40).result)


# The page -------------------------------------------------------------------------------------------------------------


def test_the_snippet_of_the_page():
    generator = np.random.default_rng(0)
    features = generator.standard_normal((200_000, 4)).astype(np.float32)
    responses = 0.8 * features[:, 1] - 0.6 * features[:, 3] + 0.1 * generator.standard_normal(200_000)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope = {"X": features, "y": responses.astype(np.float32)}
    exec(snippet, scope)
    assert np.linalg.norm(scope["theta"] - np.asarray([0, 0.8, 0, -0.6])) < 0.7
    assert scope["spent"] <= 1e-5
