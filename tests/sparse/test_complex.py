"""Complex data, against NumPy: modulus shrinkage, Hermitian adjoints, the corrected residual of complex AMP."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest
import scipy.sparse

import recover as rc
from recover.core.leaves import complex_dtype
from recover.scalar.complex_minimax import complex_amp_transition, complex_minimax_threshold

# The numbers are real where they multiply: users' JAX promotes them.
pytestmark = pytest.mark.usefixtures("standard")


@pytest.fixture
def standard():
    with jax.numpy_dtype_promotion("standard"):
        yield


def instance(dtype, samples=60, dimension=100, sparsity=5, seed=0):
    r = np.random.default_rng(seed)
    normal = lambda *shape: (r.standard_normal(shape) + 1j * r.standard_normal(shape)) / 2**0.5  # noqa: E731
    matrix, truth = normal(samples, dimension) / samples**0.5, np.zeros(dimension, complex)
    truth[r.choice(dimension, sparsity, replace=False)] = normal(sparsity)
    return matrix.astype(dtype), truth.astype(dtype), (matrix @ truth).astype(dtype)


def shrink(v, level):
    size = np.abs(v)
    return v * np.maximum(size - level, 0) / np.where(size > 0, size, 1)


def numpy_omp(A, y, sparsity):
    chosen, residual = [], y
    for _ in range(sparsity):
        chosen.append(int(np.argmax(np.abs(A.conj().T @ residual))))
        fit = np.linalg.lstsq(A[:, chosen], y, rcond=None)[0]
        residual = y - A[:, chosen] @ fit
    x = np.zeros(A.shape[1], A.dtype)
    x[chosen] = fit
    return x


def numpy_ista(A, y, penalty, steps=20000):
    x, step = np.zeros(A.shape[1], complex), 1 / np.linalg.norm(A, 2) ** 2
    for _ in range(steps):
        x = shrink(x + step * A.conj().T @ (y - A @ x), step * penalty)
    return x


def numpy_amp(A, y, threshold, relaxation, steps):
    (m, n), scale = A.shape, np.linalg.norm(A) / A.shape[1] ** 0.5
    x, z = np.zeros(n, complex), y
    for _ in range(steps):
        level = threshold * np.linalg.norm(z) / m**0.5
        r = scale * x + A.conj().T @ z / scale
        new = shrink(r, level)
        slopes = np.where(np.abs(r) > level, 1 - level / (2 * np.abs(r)), 0)
        x = x + relaxation * (new / scale - x)
        z = z + relaxation * (y - A @ x + slopes.sum() / m * z - z)
    return x


def both(test):
    return pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex64, 2e-4), (np.complex128, 1e-9)])(test)


@pytest.fixture
def problem(dtype):
    wide = dtype == np.complex128
    with jax.enable_x64(wide):
        matrix, truth, y = instance(dtype)
        yield matrix, truth, y, rc.LinearProblem(matrix, y)


@both
def test_products(problem, dtype, tolerance):
    matrix, truth, y, linear = problem
    assert linear.observations.dtype == dtype
    assert linear.column_norm.dtype == linear.count.dtype == np.zeros((), dtype).real.dtype
    np.testing.assert_allclose(linear.adjoint(linear.observations), matrix.conj().T @ y, atol=tolerance)
    np.testing.assert_allclose(linear.forward(jnp.asarray(truth)), y, atol=tolerance)


@both
def test_orthogonal_matching_pursuit(problem, dtype, tolerance):
    matrix, _, y, _ = problem
    noisy = y + (0.05 * np.exp(1j * np.arange(60))).astype(dtype)
    solution = rc.solve(rc.LinearProblem(matrix, noisy), rc.solvers.OMP(sparsity=5))
    assert solution.value.dtype == dtype
    np.testing.assert_allclose(solution.value, numpy_omp(matrix, noisy, 5), atol=tolerance)


@both
@pytest.mark.parametrize("name", ["FISTA", "ISTA"])
def test_proximal_gradient(problem, dtype, tolerance, name):
    matrix, _, y, linear = problem
    solver = getattr(rc.solvers, name)(penalty=0.1, tolerance=1e-11 if dtype == np.complex128 else 1e-6)
    solution = rc.solve(linear, solver, max_steps=5000)
    assert solution.result == rc.Result.converged
    assert solution.value.dtype == dtype
    np.testing.assert_allclose(solution.value, numpy_ista(matrix, y, 0.1), atol=10 * tolerance)


@both
@pytest.mark.parametrize("relaxation", [1.0, 0.9])
def test_message_passing_step_by_step(problem, dtype, tolerance, relaxation):
    matrix, _, y, linear = problem
    solver = rc.solvers.AMP(threshold=1.3, relaxation=relaxation, tolerance=-1, patience=0)
    for steps in (1, 2, 8):
        found = rc.solve(linear, solver, max_steps=steps).value
        assert found.dtype == dtype
        np.testing.assert_allclose(found, numpy_amp(matrix, y, 1.3, relaxation, steps), atol=tolerance)


def test_message_passing_recovers_and_is_certified():
    matrix, truth, y = instance(np.complex64, 120, 200, 20)
    solution = rc.solve(rc.LinearProblem(matrix, y), rc.solvers.AMP())
    assert solution.result == rc.Result.converged
    np.testing.assert_allclose(solution.value, truth, atol=1e-3)
    noisy = y + 0.05 * instance(np.complex64, 120, 200, 20, seed=1)[2]
    assert rc.solve(rc.LinearProblem(matrix, noisy), rc.solvers.AMP(threshold=1.5)).result == rc.Result.converged


def test_units_and_real_observations():
    matrix, truth, y = instance(np.complex64)
    solution = rc.solve(rc.LinearProblem(1e6 * matrix, 1e-4 * y), rc.solvers.OMP(sparsity=5))
    np.testing.assert_allclose(1e10 * solution.value, truth, atol=1e-3)
    assert rc.LinearProblem(matrix, y.real).observations.dtype == jnp.complex64
    assert rc.LinearProblem(matrix.real, y).forward(jnp.zeros(100, jnp.complex64)).dtype == complex_dtype(np.float32)


def test_the_transition_lies_above_that_of_real_data_and_its_threshold_is_a_maximiser():
    ratios = jnp.linspace(0.1, 0.9, 9)
    assert jnp.all(complex_amp_transition(ratios) > rc.theory.amp_transition(ratios))
    assert jnp.all(jnp.diff(complex_minimax_threshold(ratios)) < 0)


def test_what_takes_real_data_says_so_by_name():
    matrix, _, y = instance(np.complex64)
    for name in ("IHT", "BayesAMP", "VAMP", "CoSaMP", "SubspacePursuit", "WorkingSet", "Thresholding", "HTP"):
        with pytest.raises(TypeError, match=f"has complex64 data, and {name} takes real data; OMP, ISTA"):
            rc.solve(rc.LinearProblem(matrix, y), getattr(rc.solvers, name)())
    for solver in (rc.solvers.AMP(nonnegative=True), rc.solvers.FISTA(rc.penalties.L1(0.1, nonnegative=True))):
        with pytest.raises(TypeError, match="`nonnegative` is True, but the data are complex"):
            rc.solve(rc.LinearProblem(matrix, y), solver)
    with pytest.raises(TypeError, match="`operator` is complex64; real data is expected"):
        rc.LinearProblem(scipy.sparse.csr_matrix(matrix), y)
    real = lx.FunctionLinearOperator(lambda x: x[:60], jax.ShapeDtypeStruct((100,), jnp.float32))
    with pytest.raises(TypeError, match="`observations` is complex64; real data is expected"):
        rc.LinearProblem(real, y)
