"""Generic diagnostics against dense linear algebra and losses whose landscape is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.results import result_names
from recover.landscape import trajectory
from recover.landscape.basin import basin_sweep
from recover.landscape.descent import GradientDescent, SmoothProblem
from recover.landscape.hessian import hessian_spectrum as eager_hessian_spectrum
from recover.landscape.hessian import hessian_vector_product
from recover.landscape.trajectories import alignment, contraction_rates
from tests.compiled import compiled

hessian_spectrum = eqx.filter_jit(eager_hessian_spectrum)


class Quadratic(eqx.Module):
    """(1/2) x^T H x for x the concatenation of a vector and a matrix."""

    hessian: jax.Array

    def __call__(self, point):
        flat = jnp.concatenate([point["a"], point["b"].reshape(-1)])
        return 0.5 * jnp.sum(flat * (self.hessian @ flat))


def point(values=None):
    values = jnp.zeros(10) if values is None else values
    return {"a": values[:4], "b": values[4:].reshape(2, 3)}


def symmetric(size=10, seed=0):
    generator = np.random.default_rng(seed)
    basis = np.linalg.qr(generator.standard_normal((size, size)))[0]
    eigenvalues = np.linspace(-2, 5, size)
    return jnp.asarray((basis * eigenvalues) @ basis.T, jnp.float32), eigenvalues


def test_lanczos_finds_the_spectrum_of_a_pytree_hessian():
    matrix, eigenvalues = symmetric()
    found = hessian_spectrum(Quadratic(matrix), point(), jax.random.key(0))
    np.testing.assert_allclose(found.values, eigenvalues, atol=1e-4)
    np.testing.assert_allclose(jnp.sum(found.weights), 1, atol=1e-4)
    assert found.lowest["b"].shape == (2, 3)
    image = hessian_vector_product(Quadratic(matrix), point(), found.lowest)
    np.testing.assert_allclose(image["a"], -2 * found.lowest["a"], atol=1e-3)


def test_few_steps_bracket_the_extremes_within_their_residuals():
    size = 200
    eigenvalues = np.concatenate([[-3.0], np.linspace(0, 1, size - 2), [4.0]])
    matrix = jnp.asarray(np.diag(eigenvalues), jnp.float32)
    found = hessian_spectrum(lambda x: 0.5 * jnp.sum(x * (matrix @ x)), jnp.zeros(size), jax.random.key(1), steps=25)
    np.testing.assert_allclose([found.values[0], found.values[-1]], [-3, 4], atol=1e-3)
    gaps = np.abs(np.asarray(found.values)[:, None] - eigenvalues[None]).min(axis=1)
    assert np.all(gaps <= np.asarray(found.residuals) + 1e-4)


def test_an_exhausted_space_is_reported_as_such():
    found = hessian_spectrum(lambda x: 0.5 * jnp.sum(x**2) * 3, jnp.zeros(6), jax.random.key(0))
    np.testing.assert_allclose(found.values[0], 3, rtol=1e-5)
    assert np.all(np.isnan(found.values[1:]))
    with pytest.raises(ValueError, match="steps"):
        hessian_spectrum(lambda x: jnp.sum(x**2), jnp.zeros(3), jax.random.key(0), steps=0)


def test_the_origin_of_matrix_factorisation_is_a_strict_saddle_and_the_truth_is_not():
    truth = jnp.diag(jnp.asarray([1.0, 0.5, 0.0, 0.0]))

    def loss(factor):
        return 0.25 * jnp.sum((factor @ factor.T - truth) ** 2)

    with jax.enable_x64(True):
        truth = truth.astype(jnp.float64)
        at_zero = hessian_spectrum(loss, jnp.zeros((4, 2)), jax.random.key(0))
        np.testing.assert_allclose(at_zero.values[0], -1, atol=1e-8)
        at_truth = hessian_spectrum(loss, jnp.sqrt(truth)[:, :2], jax.random.key(0))
        # Rotations of the factor cost nothing; nothing goes down.
        assert np.nanmin(np.abs(at_truth.values)) < 1e-8
        assert np.nanmin(at_truth.values) > -1e-8


def test_trajectory_sees_linear_convergence():
    matrix = jnp.diag(jnp.linspace(0.5, 1.0, 10))
    problem = SmoothProblem(Quadratic(matrix), point(jnp.ones(10)))
    target = point(1e-3 * jnp.ones(10))

    def distance(truth, estimate):
        return jnp.sqrt(sum(jnp.sum((a - b) ** 2) for a, b in zip(truth.values(), estimate.values(), strict=True)))

    solver = GradientDescent(step_size=0.5, tolerance=-1.0, patience=0)
    found = trajectory(problem, solver, point(), distance, max_steps=60, record_every=10)
    assert found.steps.tolist() == list(range(0, 61, 10))
    # The slowest mode shrinks by 1 - 0.5 * 0.5 per step.
    np.testing.assert_allclose(found.contraction[-1], 0.75, atol=1e-3)
    assert np.isnan(found.contraction[0])
    aligned = trajectory(problem, solver, target, distance, max_steps=10).alignment
    np.testing.assert_allclose(aligned[0], 1, atol=1e-5)


def test_small_measures():
    np.testing.assert_allclose(contraction_rates(jnp.asarray([1.0, 0.25, 0.0625]), 2)[1:], 0.5)
    np.testing.assert_allclose(alignment([jnp.ones(2)], [-jnp.ones(2)]), -1, rtol=1e-6)
    assert alignment([jnp.ones(2)], [jnp.zeros(2)]) == 0


def test_basin_of_a_double_well_ends_at_the_ridge():
    def loss(x):
        # Wells at -1 and 1 with the ridge at 0: a start 1 + s with s < -1 falls into the other well.
        return jnp.sum((x**2 - 1) ** 2) / 4

    distances = jnp.asarray([0.2, 0.9, 1.1])
    found = basin_sweep(
        lambda start: SmoothProblem(loss, start),
        GradientDescent(step_size=0.2),
        jnp.ones(1),
        distances,
        jax.random.key(0),
        trials=40,
        error=lambda truth, estimate: jnp.max(jnp.abs(truth - estimate)),
        max_steps=500,
    )
    success = np.asarray(found.success(1e-2))
    assert np.all(success[:2] == 1)
    assert 0.2 < success[2] < 0.8
    assert found.errors.shape == (3, 40)
    assert set(result_names(found.codes).ravel()) == {"converged"}
    assert np.all(found.losses < 1e-6)


def test_basin_of_a_matrix_solver():
    model = rc.models.MatrixSensing(6, 1, 150)
    problem, truth = model.sample(jax.random.key(0))

    def loss(factor):
        return jnp.sum(problem.residual(factor @ factor.T) ** 2) / (2 * problem.count)

    root = compiled(rc.initialisers.PlantedFactors(truth), problem, jax.random.key(0), 1).left
    found = basin_sweep(
        lambda start: SmoothProblem(loss, start),
        GradientDescent(step_size=0.1),
        root,
        jnp.asarray([0.1, 0.5]),
        jax.random.key(1),
        trials=8,
        error=lambda truth, estimate: model.error(truth @ truth.T, estimate @ estimate.T),
        max_steps=400,
    )
    assert np.all(found.errors < 1e-3)
