"""GAMP-RIE and gradient descent on quadratic networks against NumPy and theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating
from recover.core.sizes import with_capacities
from tests.compiled import compiled


def shrink(x, variance, ratio):
    """The denoiser as the paper has it: the real part of the complex root of the cubic."""
    roots = np.roots([variance, -(x + ratio * variance), 1 - ratio + ratio * x, -ratio])
    root = roots[np.argmax(roots.imag)]
    # Without a complex pair: the third root continues the formula.
    real = root.real if root.imag > 1e-9 else (roots.real.sum() - roots.real.max()) / 2
    return x - 2 * variance * real


def gamp_in_numpy(inputs, data, ratio, noise, steps, damping):
    """The iteration with every measurement matrix formed."""
    count, d = inputs.shape
    sensing = (inputs[:, :, None] * inputs[:, None, :] - np.eye(d)) / np.sqrt(d)
    matrix, error, variance = np.eye(d), 1 / ratio, 2 / ratio
    mean, messages = np.einsum("iab,ab->i", sensing, matrix), np.zeros(count)
    for _ in range(steps):
        variance = (1 - damping) * 2 * error + damping * variance
        fitted = np.einsum("iab,ab->i", sensing, matrix)
        mean = (1 - damping) * (fitted - 2 * error * messages) + damping * mean
        messages = (data - mean) / (noise + variance)
        precision = 2 * count / d**2 * np.mean(messages**2)
        observed = matrix + np.einsum("iab,i->ab", sensing, messages) / (precision * d)
        t = 1 / (2 * precision) + 1e-6
        values, vectors = np.linalg.eigh(observed)
        shrunken = np.array([shrink(value, t, ratio) for value in values])
        matrix = (vectors * shrunken) @ vectors.T
        error = t * np.mean(shrunken / (shrunken + ratio * t))
    return matrix


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_gamp_rie_is_the_iteration_written_down(noise):
    model = rc.models.QuadraticNetwork(16, 8, 90, noise=noise)
    problem, _ = model.sample(jax.random.key(0))
    solver = rc.solvers.GAMPRIE(tolerance=-1.0, patience=0)
    found = rc.solve(problem, solver, max_steps=6).value
    inputs, data = np.asarray(problem.inputs, float), np.asarray(problem.centred, float)
    expected = gamp_in_numpy(inputs, data, 0.5, float(problem.channel_noise), 6, 0.5)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_gamp_rie_in_single_precision_is_that_in_double():
    errors = []
    for double in (False, True):
        with jax.enable_x64(double):
            model = rc.models.QuadraticNetwork(16, 8, 200)
            key = jax.random.wrap_key_data(jax.random.key_data(jax.random.key(5)))
            problem, truth = model.sample(key)
            solver = rc.solvers.GAMPRIE(tolerance=-1.0, patience=0)
            errors.append(float(compiled(model.error, truth, rc.solve(problem, solver, max_steps=80).value)))
    assert errors[0] == pytest.approx(errors[1], abs=2e-3)
    # Far beyond the recovery threshold the spectrum is denoised at a vanishing variance.
    assert max(errors) < 0.02


@pytest.mark.parametrize(("sampling", "noise"), [(0.2, 0.0), (0.3, 0.25)])
def test_gamp_rie_reaches_the_bayes_optimal_error(trials, sampling, noise):
    d = 40
    model = rc.models.QuadraticNetwork(d, d // 2, int(sampling * d**2), noise=noise)
    errors, _, _ = trials(model, rc.solvers.GAMPRIE(), count=12, max_steps=60)
    channel = rc.theory.quadratic_network_channel_noise(noise, 0.5)
    predicted = float(rc.theory.quadratic_network_mmse(sampling, 0.5, channel))
    # Finite instances are a little worse than the limit (0.4 over the square root of d here).
    assert predicted - 0.05 < errors.mean() < predicted + 0.1


def test_gamp_rie_predicts_its_own_error():
    model = rc.models.QuadraticNetwork(40, 20, 640, noise=0.25)
    problem, truth = model.sample(jax.random.key(1))
    solution = rc.solve(problem, rc.solvers.GAMPRIE(), max_steps=60)
    assert float(solution.stats["predicted"]) == pytest.approx(
        float(compiled(model.error, truth, solution.value)), rel=0.3
    )


def loss(weights, problem, decay):
    """The loss of one run, in NumPy double precision."""
    inputs, y = np.asarray(problem.inputs, float), np.asarray(problem.observations, float)
    m, d = weights.shape
    outputs = np.mean((inputs @ weights.T / np.sqrt(d)) ** 2, axis=1)
    return m / 4 * np.sum((outputs - y) ** 2) + decay / 2 * np.sum(weights**2)


def test_gradient_descent_moves_along_the_gradient_of_the_loss():
    model = rc.models.QuadraticNetwork(6, 3, 30)
    problem, _ = model.sample(jax.random.key(0))
    solver = cast_floating(rc.solvers.AveragedGradientDescent(2, weight_decay=0.7), jnp.float32)
    state = compiled(solver.init, problem, jax.random.key(1))
    after = compiled(solver.step, problem, state)
    level = max(float(jnp.mean(problem.observations)), 1)
    step = 0.5 / ((30 / 6 + 6) * level)
    for run in range(2):
        weights = np.asarray(state.weights[:, run], float)
        gradient = np.zeros_like(weights)
        for place in np.ndindex(*weights.shape):
            nudge = np.zeros_like(weights)
            nudge[place] = 1e-5
            gradient[place] = (loss(weights + nudge, problem, 0.7) - loss(weights - nudge, problem, 0.7)) / 2e-5
        np.testing.assert_allclose(after.weights[:, run], weights - step * gradient, atol=1e-4)


def test_errors_of_runs_are_those_of_the_average_plus_the_spread():
    model = rc.models.QuadraticNetwork(12, 6, 40)
    problem, truth = model.sample(jax.random.key(0))
    solution = rc.solve(problem, rc.solvers.AveragedGradientDescent(5), max_steps=200)
    weights = np.asarray(solution.state.weights)
    each = [
        float(compiled(model.error, truth, jnp.asarray(weights[:, run].T @ weights[:, run] / 6))) for run in range(5)
    ]
    together = float(compiled(model.error, truth, solution.value)) + float(solution.stats["spread"])
    assert np.mean(each) == pytest.approx(together, rel=1e-4)


def test_a_single_run_has_about_twice_the_error_of_the_average(trials):
    model = rc.models.QuadraticNetwork(20, 10, 60)
    one, _, _ = trials(model, rc.solvers.AveragedGradientDescent(1, momentum=0.9), max_steps=200)
    many, _, _ = trials(model, rc.solvers.AveragedGradientDescent(24, momentum=0.9), max_steps=200)
    assert 1.6 < one.mean() / many.mean() < 2.3


def test_units_beyond_the_width_stay_zero_and_change_nothing():
    model = rc.models.QuadraticNetwork(8, 3, 60)
    wide = with_capacities(model, {"samples": 60, "width": 5})
    solver = rc.solvers.AveragedGradientDescent(2, momentum=0.5)
    (first, _), (second, _) = (each.sample(jax.random.key(2)) for each in (model, wide))
    plain = rc.solve(first, solver, max_steps=20)
    padded = rc.solve(second, solver, max_steps=20)
    assert not np.any(padded.state.weights[3:])
    np.testing.assert_allclose(plain.value, padded.value, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rc.solvers.GAMPRIE(relaxation=0.0), "`relaxation` is 0.0"),
        (lambda: rc.solvers.GAMPRIE(floor=0.0), "`floor` is 0.0"),
        (lambda: rc.solvers.AveragedGradientDescent(0), "`initialisations` is 0"),
        (lambda: rc.solvers.AveragedGradientDescent(momentum=1.0), "`momentum` is 1.0"),
        (lambda: rc.solvers.AveragedGradientDescent(weight_decay=-1.0), "`weight_decay` is -1.0"),
    ],
)
def test_impossible_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
