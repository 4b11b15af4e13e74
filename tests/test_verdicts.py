""" "Converged" is said of answers with a certificate: of families other than linear problems, and of solves whose steps are merely small."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.results import result_code, result_names
from recover.core.stationarity import least_squares_excess, newton_gain
from tests.registry import SOLVERS

models, solvers = rc.models, rc.solvers
CALIBRATION = models.BlindCalibration(12, 10, 7, gain_spread=0.4)
MATRIX = models.MatrixSensing(8, 2, 120, corruption=0.2)
SURFACE = models.JumpSurface(2, 1600, cells=20, jump=1.0)
IMAGE = models.SpectralMixture(side=12, channels=24, endmembers=3, outliers=2, snr=30.0, block=4, window=3)
NETWORK = models.QuadraticNetwork(12, 3, 120)


def name_of(solution):
    return str(result_names(np.asarray(result_code(solution.result))[None])[0])


def solved(model, solver, max_steps):
    problem, truth = model.sample(jax.random.key(0))
    solution = rc.solve(problem, solver, max_steps=max_steps)
    return solution, float(model.error(truth, solution.value))


# Steps that are small because they are short, not because there is nowhere to go.
@pytest.mark.parametrize(
    ("model", "solver", "max_steps"),
    [
        (CALIBRATION, solvers.BlindCalibrationPGD(step_size=1e-6), 300),
        (MATRIX, solvers.SubgradientMethod(step=rc.steps.geometric(0.1, 0.5)), 300),
        (MATRIX, solvers.FactoredGradientDescent(step=rc.steps.geometric(0.1, 0.5)), 300),
        (NETWORK, solvers.AveragedGradientDescent(3, 1e-6), 300),
        (NETWORK, solvers.GAMPRIE(relaxation=1e-3), 100),
        (SURFACE, solvers.TotalVariation(1e-3), 300),
        (SURFACE, solvers.FreeDiscontinuityRegression(levels=8, lifted_step=1e-4, multiplier_step=1e-4), 100),
        (SURFACE, solvers.SteinRisk(solvers.TotalVariation(1e-3), probes=1), 300),
        (IMAGE, solvers.SparseUnmixing.nmf(sum_to_one=100.0), 300),
    ],
    ids=lambda value: type(value).__name__,
)
def test_short_steps_do_not_pass_for_none(model, solver, max_steps):
    solution, _ = solved(model, solver, max_steps)
    assert name_of(solution) in ("inaccurate", "exhausted")
    assert float(solution.stats["certificate"]) > 1


@pytest.mark.parametrize(
    ("model", "solver", "most"),
    [
        (models.BlindCalibration(12, 10, 7, gain_spread=0.4, snr=20.0), solvers.BlindCalibrationPGD(), 0.1),
        (models.BlindCalibration(12, 10, 7, gain_spread=0.4, snr=20.0), solvers.BlindCalibrationALS(), 0.1),
        (MATRIX, solvers.SubgradientMethod(), 1e-4),
        (models.MatrixSensing(8, 2, 120, noise=0.1), solvers.ScaledGD(rank=2), 0.1),
        (models.QuadraticNetwork(12, 3, 120, noise=0.1), solvers.GAMPRIE(), 0.5),
        (SURFACE, solvers.TotalVariation(200.0), 0.1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_answers_to_noisy_data_are_certified(model, solver, most):
    solution, error = solved(model, solver, 2000)
    assert error < most
    assert name_of(solution) == "converged"
    assert float(solution.stats["certificate"]) <= 1


@pytest.mark.parametrize("name", ["BlindCalibrationALS", "KroneckerOMP", "SVDKroSBL", "Raveled", "BottomUp"])
def test_ordinary_solves_are_certified(name):
    case = SOLVERS[name]
    solution, error = solved(case.model(), case.solver(), case.max_steps)
    assert error < case.error
    assert float(solution.stats["certificate"]) <= 1


def test_a_product_support_that_misses_a_mode_is_not_called_converged():
    model = models.KroneckerSparse(dimensions=(6, 5, 7), samples=(5, 5, 6), sparsity=2)
    problem, truth = model.sample(jax.random.key(1))
    factors, data = [np.asarray(factor) for factor in problem.factors], np.asarray(problem.observations)
    posed = rc.problems.KroneckerProblem(factors, data, noise=0.0)
    solution = rc.solve(posed, solvers.KroneckerOMP(most=1), max_steps=20)
    assert float(model.error(truth, solution.value)) > 0.1
    assert name_of(solution) == "inaccurate"


@pytest.mark.parametrize(
    "solver",
    [
        solvers.FISTA(0.01, patience=3),
        solvers.ISTA(0.01, patience=1, continuation=0.0),
        solvers.ReweightedL1(0.01, continuation=0.0, period=1, decay=0.0, patience=1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_penalised_solve_that_stalls_answers_with_its_best_iterate(solver):
    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((40, 80)) * 10 ** generator.uniform(-1, 1, 80)
    target = matrix[:, :6] @ generator.standard_normal(6) + 0.1 * generator.standard_normal(40)
    problem = rc.LinearProblem(matrix, target)
    solution = rc.solve(problem, solver, max_steps=400, record=True)
    assert name_of(solution) == "stalled"

    if not isinstance(solver, solvers.ISTA):
        assert np.isfinite(solution.state.best.residual)
    posed = jnp.asarray(solution.value)
    steps = int(solution.stats["steps"])
    if not isinstance(solver, solvers.ReweightedL1):
        residuals = target[:, None] - matrix @ np.asarray(solution.history, float)[: steps + 1].T
        history = np.sum(residuals**2, axis=0) / 2 + 0.01 * np.abs(solution.history[: steps + 1]).sum(axis=1)
        found = np.sum((target - matrix @ np.asarray(posed, float)) ** 2) / 2 + 0.01 * float(jnp.abs(posed).sum())
        # The objective of an iterate is bounded by that of the point it was stepped to from.
        assert found <= np.min(history[1:]) * 1.01


def test_what_is_left_to_gain_of_least_squares():
    generator = np.random.default_rng(0)
    matrix = jnp.asarray(generator.standard_normal((20, 6)) * 10.0 ** np.arange(-1.5, 1.5, 0.5), jnp.float32)
    residual = jnp.asarray(generator.standard_normal(20), jnp.float32)
    left = residual - matrix @ jnp.linalg.lstsq(matrix, residual)[0]
    share = 1 - float(left @ left / (residual @ residual))
    found = least_squares_excess(residual, lambda d: matrix @ d, lambda r: matrix.T @ r)
    assert 0.5 * share < float(found) * 1e-3 <= share * 1.001
    assert float(least_squares_excess(left, lambda d: matrix @ d, lambda r: matrix.T @ r)) < 1e-3
    # A quadratic: the gain is half the steepness over the curvature.
    assert float(newton_gain(jnp.asarray([3.0, 0.0]), lambda d: 2 * d)) == pytest.approx(9 / 4)
