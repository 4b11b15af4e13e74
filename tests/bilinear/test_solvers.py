"""Solvers of blind calibration against NumPy written out here, gradients by differentiation, and counting."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import recover as rc
from recover.bilinear.projections import project_centred_box
from recover.core.leaves import cast_floating, floating_dtype
from recover.operators import RedrawnMatrix
from tests.compiled import compiled

MODEL = rc.models.BlindCalibration(12, 10, 5, 0.6)


def numpy_descent(matrices, y, steps):
    """Line searches from the old point; no box."""
    p, m, _ = matrices.shape
    x, g = np.einsum("lij,li->j", matrices, y) / (m * p), np.ones(m)
    for _ in range(steps):
        product = matrices @ x
        residual = g * product - y
        dx = np.einsum("lij,li->j", matrices, g * residual) / (m * p)
        dg = np.sum(product * residual, axis=0) / (m * p)
        dg -= dg.mean()
        x, g = (
            x - m * p * np.sum(dx**2) / np.sum((g * (matrices @ dx)) ** 2) * dx,
            g - m * p * np.sum(dg**2) / np.sum((product * dg) ** 2) * dg,
        )
    return x, g


def test_descent_is_the_iteration_of_the_paper():
    with jax.enable_x64(True):
        problem, _ = MODEL.sample(jax.random.key(0))
        solver = rc.solvers.BlindCalibrationPGD(tolerance=-1.0, patience=0, projection=False)
        ours = rc.solve(problem, solver, max_steps=15).value
        matrices = np.asarray(problem.operator.as_matrix()).reshape(5, 10, 12)
        x, g = numpy_descent(matrices, np.asarray(problem.observations), 15)
        np.testing.assert_allclose(ours.signal, x, atol=1e-9)
        np.testing.assert_allclose(ours.gains, g, atol=1e-9)


def test_a_line_search_may_be_chosen_where_a_step_is_given():
    problem, _ = MODEL.sample(jax.random.key(0))
    solver = rc.solvers.BlindCalibrationPGD
    chosen, given, searched, fixed = (
        rc.solve(problem, each, max_steps=15).value.signal
        for each in (solver(0.3, line_search=True), solver(0.3, line_search=False), solver(), solver(0.3))
    )
    np.testing.assert_array_equal(chosen, searched)
    np.testing.assert_array_equal(given, fixed)


def test_a_fixed_step_follows_the_gradient():
    with jax.enable_x64(True):
        problem, _ = MODEL.sample(jax.random.key(1))

        def objective(x, g):
            return jnp.sum((g[None, :] * problem.products(x) - problem.observations) ** 2) / (2 * problem.count)

        solver = cast_floating(rc.solvers.BlindCalibrationPGD(step_size=0.3, projection=False), floating_dtype(problem))
        before = compiled(solver.init, problem, jax.random.key(0))
        after = compiled(solver.step, problem, before)
        slope_x, slope_g = jax.jit(jax.grad(objective, argnums=(0, 1)))(before.coordinates, before.gains)
        np.testing.assert_allclose(after.coordinates, before.coordinates - 0.3 * slope_x, atol=1e-10)
        step = 0.3 * 10 / float(jnp.sum(before.coordinates**2))
        np.testing.assert_allclose(after.gains, before.gains - step * (slope_g - jnp.mean(slope_g)), atol=1e-10)


@pytest.mark.parametrize("name", ["BlindCalibrationPGD", "BlindCalibrationALS", "BlindCalibrationLinear"])
def test_blind_solvers_never_read_the_gains(name):
    problem, _ = rc.models.BlindCalibration(12, 10, 5, 0.6, reveal_gains=True).sample(jax.random.key(2))
    hidden = eqx.tree_at(lambda p: p.oracle, problem, jnp.full(10, jnp.nan))
    solver = getattr(rc.solvers, name)()
    one, other = (rc.solve(each, solver, max_steps=20).value for each in (problem, hidden))
    np.testing.assert_array_equal(one.signal, other.signal)
    np.testing.assert_array_equal(one.gains, other.gains)


def test_the_linear_method_reaches_the_counting_limit():
    model = rc.models.BlindCalibration(19, 12, 3, 0.8)
    assert int(rc.theory.calibration_counting_limit(19, 12)) + 6 == 36
    problem, truth = model.sample(jax.random.key(3))
    value = rc.solve(problem, rc.solvers.BlindCalibrationLinear(), max_steps=20).value
    assert float(compiled(model.error, truth, value)) < 1e-3


def test_the_linear_method_is_the_smallest_singular_vector():
    with jax.enable_x64(True):
        problem, _ = rc.models.BlindCalibration(12, 10, 5, 0.6, snr=30.0).sample(jax.random.key(4))
        value = rc.solve(problem, rc.solvers.BlindCalibrationLinear(tolerance=1e-12), max_steps=50).value
        y = np.asarray(problem.observations)
        scale = np.sqrt(np.mean(y**2))
        left = np.concatenate([np.diag(row / scale) for row in y])
        matrix = np.hstack([left, -np.asarray(problem.operator.as_matrix())])
        vector = np.linalg.svd(matrix)[2][-1]
        gains = 1 / vector[:10]
        np.testing.assert_allclose(value.gains, gains / gains.mean(), rtol=1e-6)
        np.testing.assert_allclose(value.signal, vector[10:] * scale * gains.mean(), rtol=1e-6)


def test_least_squares_with_fixed_gains_is_least_squares():
    with jax.enable_x64(True):
        model = rc.models.BlindCalibration(12, 10, 5, 0.6, snr=10.0, reveal_gains=True)
        problem, truth = model.sample(jax.random.key(5))
        matrix, y = np.asarray(problem.operator.as_matrix()), np.asarray(problem.observations).reshape(-1)
        weights = {
            rc.solvers.UncalibratedLeastSquares: np.ones(50),
            rc.solvers.OracleLeastSquares: np.tile(np.asarray(truth.gains), 5),
        }
        for kind, weight in weights.items():
            expected = np.linalg.lstsq(weight[:, None] * matrix, y, rcond=None)[0]
            value = rc.solve(problem, kind(tolerance=1e-12), max_steps=50).value
            np.testing.assert_allclose(value.signal, expected, atol=1e-8)


def test_the_oracle_asks_for_gains():
    problem, _ = MODEL.sample(jax.random.key(6))
    with pytest.raises(ValueError, match="reveal_gains"):
        rc.solve(problem, rc.solvers.OracleLeastSquares())


def test_one_snapshot_suffices_with_priors_and_not_without():
    model = rc.models.BlindCalibration(32, 40, 1, 0.5, signal_dimension=5, gain_dimension=4)
    problem, truth = model.sample(jax.random.key(7))
    with_priors = rc.solve(problem, rc.solvers.BlindCalibrationPGD(), max_steps=400)
    without = rc.solve(problem, rc.solvers.BlindCalibrationPGD(priors=False), max_steps=400)
    assert float(compiled(model.error, truth, with_priors.value)) < 1e-3
    assert float(compiled(model.error, truth, without.value)) > 0.1


def test_a_full_prior_is_no_prior():
    # All columns of an orthonormal basis and all cosines: the same descent, without the box.
    with jax.enable_x64(True):
        model = rc.models.BlindCalibration(8, 6, 5, 0.5, signal_dimension=8, gain_dimension=6)
        problem, _ = model.sample(jax.random.key(8))
        options = {"tolerance": -1.0, "patience": 0, "projection": False}
        one = rc.solve(problem, rc.solvers.BlindCalibrationPGD(**options), max_steps=20).value
        other = rc.solve(problem, rc.solvers.BlindCalibrationPGD(priors=False, **options), max_steps=20).value
        np.testing.assert_allclose(one.gains, other.gains, atol=1e-9)
        np.testing.assert_allclose(one.signal, other.signal, atol=1e-9)


@pytest.mark.parametrize("radius", [0.1, 0.5, 3.0])
def test_projection_on_the_box_is_nearest(radius):
    vector = np.random.default_rng(0).standard_normal(7)
    with jax.enable_x64(True):
        mask = jnp.arange(9) < 7
        padded = jnp.concatenate([jnp.asarray(vector), jnp.asarray([5.0, -3.0])])
        ours = np.asarray(project_centred_box(padded, jnp.asarray(radius), mask))
    assert not ours[7:].any()
    reference = minimize(
        lambda e: np.sum((e - vector) ** 2),
        np.zeros(7),
        jac=lambda e: 2 * (e - vector),
        bounds=[(-radius, radius)] * 7,
        constraints={"type": "eq", "fun": np.sum, "jac": lambda e: np.ones(7)},
        method="SLSQP",
        options={"ftol": 1e-14},
    ).x
    np.testing.assert_allclose(ours[:7], reference, atol=1e-6)


@pytest.mark.parametrize("entries", ["gaussian", "signs"])
def test_redrawn_products_are_those_of_the_matrix(entries, monkeypatch):
    # Blocks of four rows, which do not divide the number of rows.
    monkeypatch.setattr("recover.operators.redrawn._BLOCK", 4 * 20)
    operator = RedrawnMatrix(jax.random.key(9), 3, 5, 20, entries)
    matrix = np.asarray(operator.as_matrix())
    x, z = np.random.default_rng(1).standard_normal(20), np.random.default_rng(2).standard_normal(15)
    np.testing.assert_allclose(operator.mv(jnp.asarray(x, jnp.float32)), matrix @ x, atol=1e-4)
    np.testing.assert_allclose(operator.T.mv(jnp.asarray(z, jnp.float32)), matrix.T @ z, atol=1e-4)


def test_the_start_is_as_far_as_predicted():
    model = rc.models.BlindCalibration(16, 16, 4, 0.5, measure="distance")
    solver = cast_floating(rc.solvers.BlindCalibrationPGD(), floating_dtype())

    @jax.jit
    def start(key):
        problem, truth = model.sample(key)
        variance = jnp.mean((truth.gains - 1) ** 2)
        predicted = rc.theory.calibration_start_error(16, 16, 4, variance)
        return model.error(truth, solver.estimate(problem, solver.init(problem, key))) ** 2 - predicted

    gaps = np.asarray(jax.vmap(start)(jax.random.split(jax.random.key(10), 400)))
    assert abs(gaps.mean()) < 4 * gaps.std() / np.sqrt(len(gaps))


def test_a_sweep_over_sensors_snapshots_and_spread_is_one_program():
    def cell(gain_spread, sensors, snapshots):
        return rc.models.BlindCalibration(10, sensors, snapshots, gain_spread), rc.solvers.BlindCalibrationPGD()

    axes = {"gain_spread": [0.1, 0.6], "sensors": [4, 8], "snapshots": [2, 6]}
    table = rc.sweep(cell, axes, trials=2, max_steps=300)
    assert len(table.provenance) == 1
    rates = table.success(below=1e-3).set_index(["sensors", "snapshots"])["rate"]
    assert rates.loc[(8, 6)].min() == 1
    assert rates.loc[(4, 2)].max() == 0
