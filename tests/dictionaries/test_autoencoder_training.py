"""Training of autoencoders and the analysed form of bias adaptation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating
from recover.core.model import in_default_precision
from recover.core.sizes import with_capacities

pieces = rc.autoencoders
Training, Spherical = rc.solvers.AutoencoderTraining, rc.solvers.SphericalBiasAdaptation
init, step = (eqx.filter_jit(method) for method in (Training.init, Training.step))
MODEL = rc.models.PlantedFeatures(12, 16, 2, summary_rows=256)
metrics = eqx.filter_jit(rc.models.PlantedFeatures.metrics)
observations = eqx.filter_jit(lambda problem: problem.observations)
encode, reconstruct = (
    eqx.filter_jit(method) for method in (pieces.SparseAutoencoder.encode, pieces.SparseAutoencoder.__call__)
)


def batch(problem, number, size):
    return np.asarray(eqx.filter_jit(type(problem).batch)(problem, number, size), float)


def test_a_step_follows_the_gradient_on_the_spheres():
    problem, _ = rc.models.PlantedFeatures(4, 6, 2).sample(jax.random.key(0))
    solver = cast_floating(
        Training(
            5,
            pieces.ReLU(),
            pieces.L1Penalty(0.1),
            pieces.TiedEncoder(0.8),
            pieces.GradientDescent(0.05, momentum=0.0),
            batch=7,
        ),
        jnp.float32,
    )
    state = step(solver, problem, init(solver, problem, jax.random.key(1)))
    inputs = batch(problem, state.steps, 7)
    after = step(solver, problem, state).weights
    names = ("decoder", "bias", "scale", "centre")
    values = {name: np.asarray(getattr(state.weights, name), float) for name in names}

    def loss(decoder, bias, scale, centre):
        codes = scale * np.maximum((inputs - centre) @ decoder.T + bias, 0)
        error = codes @ decoder + centre - inputs
        return np.sum(error**2) / 14 + 0.1 * np.mean(np.sum(np.abs(codes), axis=1))

    for name in names:
        gradient = np.zeros_like(values[name])
        for place in np.ndindex(gradient.shape):
            sides = []
            for nudge in (1e-6, -1e-6):
                moved = values[name].copy()
                moved[place] += nudge
                sides.append(loss(**{**values, name: moved}))
            gradient[place] = (sides[0] - sides[1]) / 2e-6
        if name == "decoder":
            gradient -= np.sum(gradient * values[name], axis=1, keepdims=True) * values[name]
        expected = values[name] - 0.05 * gradient
        if name == "decoder":
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(getattr(after, name), expected, atol=2e-5)


def test_neurons_beyond_the_width_stay_zero_and_change_nothing():
    problem, _ = MODEL.sample(jax.random.key(2))
    control = pieces.GroupBiasAdaptation(3, 0.3, 0.05, period=2, start="quantile")
    solver = Training(9, pieces.JumpReLU(), control, pieces.FreeEncoder(), batch=32)
    plain = rc.solve(problem, solver, max_steps=12)
    wide = rc.solve(problem, with_capacities(solver, {"width": 14}), max_steps=12)
    assert not np.any(wide.value[9:])
    assert not np.any(wide.state.weights.bias[9:])
    np.testing.assert_allclose(wide.value[:9], plain.value, atol=1e-4)
    for name in ("unexplained", "l0", "dead"):
        assert float(wide.stats[name]) == pytest.approx(float(plain.stats[name]), abs=1e-3)


def test_summaries_are_those_of_the_autoencoder():
    problem, truth = MODEL.sample(jax.random.key(3))
    solver = Training(32, pieces.TopK(2), optimiser=pieces.Adam(0.02, steps=300), batch=64)
    solution = rc.solve(problem, solver, max_steps=400)
    assert int(solution.stats["steps"]) == 300
    assert float(metrics(MODEL, truth, solution.value)["recovered_90"]) == 1
    autoencoder = solver.autoencoder(solution.state)
    rows = observations(problem)
    codes, reconstruction = np.asarray(encode(autoencoder, rows)), np.asarray(reconstruct(autoencoder, rows))
    variance = np.sum((np.asarray(rows) - np.asarray(rows).mean(axis=0)) ** 2)
    unexplained = np.sum((reconstruction - np.asarray(rows)) ** 2) / variance
    assert float(solution.stats["unexplained"]) == pytest.approx(unexplained, rel=1e-4)
    assert float(solution.stats["l0"]) == pytest.approx((codes != 0).sum(axis=1).mean(), rel=1e-5)
    assert float(solution.stats["dead"]) == pytest.approx(np.mean(~(codes != 0).any(axis=0)), abs=1e-6)
    assert unexplained < 0.2


def test_runs_of_a_repetition_are_runs_by_themselves():
    problem, _ = MODEL.sample(jax.random.key(4))
    training = Training(24, pieces.TopK(2), optimiser=pieces.Adam(0.02, steps=60), batch=32)
    together = rc.solve(
        problem, rc.solvers.RepeatedTraining(training, 2, used=0.5), max_steps=60, key=jax.random.key(5)
    )
    alone = [rc.solve(problem, training, max_steps=60, key=key) for key in jax.random.split(jax.random.key(5), 2)]
    for run in range(2):
        np.testing.assert_allclose(together.state.weights.decoder[run], alone[run].value, atol=1e-3)
    cosines = np.asarray(alone[0].value) @ np.asarray(alone[1].value).T
    rows = observations(problem)
    speaks = [(np.asarray(encode(training.autoencoder(each.state), rows)) != 0).any(axis=0) for each in alone]
    expected = np.mean([np.mean(cosines.max(axis=1)[speaks[0]] > 0.9), np.mean(cosines.max(axis=0)[speaks[1]] > 0.9)])
    assert float(together.stats["consistency"]) == pytest.approx(expected, abs=0.05)
    assert 0 <= float(together.stats["consistency_used"]) <= 1


def test_spherical_steps_are_those_of_numpy():
    model = rc.models.PlantedFeatures(6, 8, 2, samples=500)
    problem, _ = model.sample(jax.random.key(6))
    solver = in_default_precision(Spherical(10, 0.2, 0.05, groups=2, batch=500, chunk=4))
    state = eqx.filter_jit(Spherical.init)(solver, problem, jax.random.key(7))
    rows, inputs = np.asarray(state.rows, float), batch(problem, state.steps, 500)
    after = eqx.filter_jit(Spherical.step)(solver, problem, state)
    for m in range(10):
        projections = inputs @ rows[m]
        level = np.sort(projections)[-1 - round((0.2 if m < 5 else 0.05) * 500)]
        g = np.maximum(projections - level, 0) @ inputs
        np.testing.assert_allclose(after.rows[m], g / np.linalg.norm(g), atol=2e-3)


def test_in_the_band_the_analysed_form_finds_what_it_should_and_outside_it_does_not():
    model = rc.models.PlantedFeatures(24, 32, 2, scaling="unit", samples=1024)
    problem, truth = model.sample(jax.random.key(8))

    def recovered(share):
        solver = Spherical(160, share, batch=1024)
        value = rc.solve(problem, solver, max_steps=8).value
        return float(metrics(model, truth, value)["recovered_90"])

    assert recovered(2 / 32) > 0.9
    assert recovered(0.6) < 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Training(0, pieces.ReLU()), "`width` is 0"),
        (lambda: Training(3, pieces.ReLU(), batch=0), "`batch` is 0"),
        (lambda: Spherical(3, 1.0), "`highest` is 1.0"),
        (lambda: rc.solvers.RepeatedTraining(Training(3, pieces.ReLU()), 1), "`runs` is 1"),
    ],
)
def test_impossible_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
