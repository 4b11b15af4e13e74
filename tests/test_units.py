"""Answers do not depend on the units of the data, and "converged" is said of right ones only."""

import os
import warnings

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Lasso, OrthogonalMatchingPursuit
from sklearn.metrics import adjusted_rand_score

import recover as rc
from recover.core.leaves import cast_floating, floating_dtype
from recover.core.results import result_code, result_names
from recover.core.solve import run
from recover.core.units import Units, power_of_two, solver_in_units, unit_of
from recover.dictionaries.problem import AbstractActivations
from recover.generalised.cumulative_logit import OrdinalCoefficients
from recover.surfaces.jumps import Surface
from tests.registry import SOLVERS

EVERYTHING = bool(os.environ.get("RECOVER_ALL_CONTRACTS"))
# Lanes of a program; the first is the problem as it is.
LANES = 5
exponents = st.floats(-12, 12)


def scaled(name):
    return vars(type(SOLVERS[name].solver())).get("scaling") is not None


def one_per_problem():
    """The first solver listed for each kind of model, and the cheapest of every family of solvers of linear problems."""
    first = {}
    for name in filter(scaled, SOLVERS):
        first.setdefault(type(SOLVERS[name].model()), name)
    return [*first.values(), "FISTA", "HTP", "VAMP"]


chosen = list(filter(scaled, SOLVERS)) if EVERYTHING else one_per_problem()
in_units = pytest.mark.parametrize("name", chosen)


def verdicts(codes):
    return result_names(np.asarray(codes))


def name_of(solution):
    return str(verdicts(result_code(solution.result)[None])[0])


def times(array, scale):
    return array * scale.astype(array.dtype)


def rescaled(problem, operator, observations):
    """The same problem, told in other units: written out for every kind, apart from what the library does."""
    if isinstance(problem, rc.problems.SurfaceProblem):
        where, values = lambda p: (p.lower, p.upper), (problem.lower * observations, problem.upper * observations)
        return eqx.tree_at(where, problem, values)
    if isinstance(problem, rc.problems.QuadraticNetworkProblem):
        values = problem.inputs * operator**0.5, problem.observations * observations, problem.noise * observations**0.5
        return eqx.tree_at(lambda p: (p.inputs, p.observations, p.noise), problem, values)
    if isinstance(problem, (rc.problems.ClassificationProblem, rc.problems.OrdinalProblem)):
        return eqx.tree_at(lambda p: p.inputs, problem, problem.inputs * operator)
    if isinstance(problem, rc.problems.AbstractCompletionProblem):
        # Entries of the matrix itself.
        observations = observations / operator
    problem = eqx.tree_at(lambda p: p.observations, problem, times(problem.observations, observations))
    if getattr(problem, "noise", None) is not None:
        problem = eqx.tree_at(lambda p: p.noise, problem, problem.noise * observations)
    if isinstance(problem, rc.problems.MatrixSensingProblem):
        problem = eqx.tree_at(lambda p: p.oracle, problem, problem.oracle * observations)
    if isinstance(problem, rc.problems.KroneckerProblem):
        first, *others = problem.factors
        return eqx.tree_at(lambda p: p.factors, problem, (times(first, operator), *others))
    if isinstance(problem, rc.LinearProblem):
        problem = eqx.tree_at(lambda p: p.column_norm, problem, problem.column_norm * operator)
    if isinstance(problem, rc.PhaselessProblem):
        problem = eqx.tree_at(lambda p: p.entry_size, problem, problem.entry_size * operator)
        if problem.oracle is not None:
            problem = eqx.tree_at(lambda p: p.oracle, problem, times(problem.oracle, observations / operator))
    if hasattr(problem, "operator"):
        size = problem.operator.out_size()
        diagonal = lx.DiagonalLinearOperator(jnp.full((size,), operator, problem.operator.out_structure().dtype))
        problem = eqx.tree_at(lambda p: p.operator, problem, diagonal @ problem.operator)
    return problem


def told_back(value, operator, observations):
    """The answer to `rescaled` in the units of the problem that it was made of."""
    unknown = observations / operator
    match value:
        case rc.Calibration():
            return rc.Calibration(value.signal / unknown, value.gains)
        case rc.Mixture():
            return eqx.tree_at(lambda mixture: mixture.endmembers, value, value.endmembers / observations)
        case Surface():
            return jax.tree.map(lambda leaf: leaf / observations, value)
        case rc.Dendrogram():
            return value
        case rc.Network():
            return eqx.tree_at(lambda network: network.weights[0], value, value.weights[0] * operator)
        case OrdinalCoefficients():
            return eqx.tree_at(lambda fit: fit.differences, value, value.differences * operator)
    return value / unknown.astype(value.dtype)


def shuffled(problem, rows, columns):
    """A linear problem with its rows and columns in another order; others as they are."""
    if not isinstance(problem, rc.LinearProblem):
        return problem
    matrix = lx.MatrixLinearOperator(problem.operator.as_matrix()[rows][:, columns])
    return eqx.tree_at(lambda p: (p.operator, p.observations), problem, (matrix, problem.observations[rows]))


@in_units
def test_answers_are_the_same_in_any_units_and_order(name):
    case = SOLVERS[name]
    model, solver = case.model(), case.solver()
    problem, truth = model.sample(jax.random.key(0))
    linear = isinstance(problem, rc.LinearProblem)
    sizes = (problem.rows, problem.dimension) if linear else (1, 1)

    @jax.jit
    @jax.vmap
    def answers(operator, observations, rows, columns):
        told = solver_in_units(
            cast_floating(solver, floating_dtype(problem)), Units(1 / operator, 1 / observations), operator
        )
        posed = rescaled(shuffled(problem, rows, columns), operator, observations)
        solution = run(posed, told, jax.random.key(0), case.max_steps)
        # Decoders have unit rows in any unit.
        decoder = isinstance(problem, AbstractActivations)
        back = solution.value if decoder else told_back(solution.value, operator, observations)
        back = jnp.zeros_like(back).at[columns].set(back) if linear else back
        return model.error(truth, back), result_code(solution.result)

    @hypothesis.settings(max_examples=10 if EVERYTHING else 3, deadline=None, derandomize=True, database=None)
    @hypothesis.given(st.lists(st.tuples(exponents, exponents), min_size=LANES - 1, max_size=LANES - 1), st.integers(0))
    @hypothesis.example([(-12, -12), (12, 0), (0, -12), (-12, 12)], 0)
    def holds(drawn, seed):
        # A variance of coefficients, where it is given, must be a number in these units too.
        scales = 10.0 ** np.asarray(
            [(0, 0), *((power, np.clip(other, power - 18, power + 18)) for power, other in drawn)]
        )
        generator = np.random.default_rng(seed)
        orders = [np.stack([np.arange(size), *(generator.permutation(size) for _ in drawn)]) for size in sizes]
        errors, codes = answers(*scales.T.astype(np.float32), *(order.astype(np.int32) for order in orders))
        errors, names = np.asarray(errors), verdicts(codes)
        assert errors[0] < case.error
        wrong = ~(errors <= 3 * errors[0] + 1e-3)
        assert not np.any(wrong & (names == "converged")), (scales, errors)
        assert not np.any(wrong), (scales, errors, names)

    holds()


# Inputs on which solvers were wrong without a word --------------------------------------------------------------------

X = np.zeros(100)
X[:5] = [1, -2, 1, 2, -1]
A = np.random.default_rng(1).standard_normal((60, 100))
Y = A @ X


def relative(found, wanted):
    return float(np.linalg.norm(np.asarray(found, float) - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize(
    ("solver", "operator", "observations"),
    [
        (rc.solvers.FISTA(), 1e-12, 1e-12),
        (rc.solvers.NormalizedIHT(sparsity=5), 1e12, 1.0),
        (rc.solvers.BayesAMP(), 1.0, 1e-13),
        (rc.solvers.OMP(sparsity=5), 1e-12, 1e12),
        (rc.solvers.AMP(), 1e-25, 1e-20),
    ],
    ids=lambda value: type(value).__name__,
)
def test_linear_problems_in_any_units(solver, operator, observations):
    solution = rc.solve(rc.LinearProblem(A * operator, Y * observations), solver, max_steps=2000)
    assert relative(np.asarray(solution.value, float) / observations * operator, X) < 1e-3
    assert name_of(solution) == "converged"
    assert float(solution.stats["certificate"]) <= 1


@pytest.mark.parametrize("kind", ["OMP", "FISTA", "AMP"])
def test_an_answer_below_the_range_of_the_precision_is_not_called_converged(kind):
    solver = rc.solvers.OMP(sparsity=5) if kind == "OMP" else getattr(rc.solvers, kind)()
    solution = rc.solve(rc.LinearProblem(A * 1e30, Y * 1e-30), solver, max_steps=500)
    assert not np.any(solution.value)
    assert name_of(solution) == "inaccurate"


def test_a_penalty_and_a_step_have_the_units_of_the_data():
    penalty, step = 0.3, 1 / (1.1 * np.linalg.norm(A, 2) ** 2)
    a, b = 2.0**-40, 2.0**30
    for kind in (
        rc.penalties.L1,
        rc.penalties.MCP,
        rc.penalties.SCAD,
        lambda value: rc.penalties.LQ(value, exponent=0.5),
    ):
        solver = rc.solvers.ProximalGradient(kind(penalty), step_size=step)
        one = rc.solve(rc.LinearProblem(A, Y), solver, max_steps=2000)
        told = solver_in_units(
            cast_floating(solver, jnp.float32),
            Units(jnp.float32(1 / a), jnp.float32(1 / b)),
            jnp.float32(a),
        )
        other = rc.solve(rc.LinearProblem(A * a, Y * b), told, max_steps=2000)
        assert relative(np.asarray(other.value, float) / b * a, np.asarray(one.value, float)) < 1e-4


def test_a_lasso_of_columns_in_all_units_is_the_minimiser_when_it_says_so():
    matrix, target = load_diabetes(return_X_y=True, scaled=False)
    matrix = np.column_stack([matrix, np.ones(len(matrix))])
    strength = 1e-5 * np.abs(matrix.T @ target).max()
    peer = Lasso(alpha=strength / len(target), fit_intercept=False, tol=1e-14, max_iter=1_000_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = peer.fit(matrix, target).coef_

    def objective(x):
        return np.sum((target - matrix @ x) ** 2) / 2 + strength * np.abs(x).sum()

    solution = rc.solve(rc.LinearProblem(matrix, target), rc.solvers.FISTA(penalty=strength), max_steps=20_000)
    assert name_of(solution) == "converged"
    assert objective(np.asarray(solution.value, float)) / objective(wanted) - 1 < 1e-6
    assert relative(solution.value, wanted) < 5e-3
    # Plain steps are too slow here, and do not pretend otherwise.
    slow = rc.solve(rc.LinearProblem(matrix, target), rc.solvers.ISTA(penalty=strength), max_steps=2000)
    assert name_of(slow) != "converged"


@pytest.mark.parametrize(
    "kind", ["OMP", "HTP", "SubspacePursuit", "CoSaMP", "NormalizedIHT", "AMP", "BayesAMP", "VAMP"]
)
def test_columns_of_any_norm(kind):
    generator = np.random.default_rng(0)
    columns = generator.standard_normal((60, 100))
    columns /= np.linalg.norm(columns, axis=0)
    norms = 10 ** generator.uniform(-2, 2, 100)
    truth = np.zeros(100)
    truth[generator.choice(100, 6, replace=False)] = generator.choice([-1, 1], 6) * generator.uniform(1, 2, 6)
    data = columns @ truth
    peer = OrthogonalMatchingPursuit(n_nonzero_coefs=6, fit_intercept=False).fit(columns, data)
    assert relative(peer.coef_, truth) < 1e-10
    solver = getattr(rc.solvers, kind)
    solver = solver() if kind in ("AMP", "BayesAMP", "VAMP") else solver(sparsity=6)
    solution = rc.solve(rc.LinearProblem(columns * norms, data), solver, max_steps=500)
    assert relative(np.asarray(solution.value, float) * norms, truth) < 1e-4
    assert name_of(solution) == "converged"


def test_a_wrong_support_is_not_called_converged():
    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((30, 100))
    truth = np.zeros(100)
    truth[:20] = generator.standard_normal(20)
    solution = rc.solve(rc.LinearProblem(matrix, matrix @ truth, noise=0.0), rc.solvers.OMP(sparsity=20), max_steps=50)
    assert relative(solution.value, truth) > 0.1
    assert name_of(solution) == "inaccurate"
    assert float(solution.stats["certificate"]) > 1


def test_a_pursuit_that_cycles_answers_with_its_best_iterate():
    generator = np.random.default_rng(3)
    matrix = generator.standard_normal((40, 100)) / 40**0.5
    truth = np.zeros(100)
    truth[:16] = generator.standard_normal(16)
    solver = rc.solvers.CoSaMP(sparsity=12)
    problem = rc.LinearProblem(matrix, matrix @ truth)
    solution = rc.solve(problem, solver, max_steps=500, record=True)
    assert name_of(solution) == "stalled"
    steps = int(solution.stats["steps"])
    residuals = np.linalg.norm(
        matrix @ np.asarray(solution.history, float)[:steps].T - (matrix @ truth)[:, None], axis=0
    )
    assert np.linalg.norm(matrix @ np.asarray(solution.value, float) - matrix @ truth) <= residuals.min() * 1.001


def test_blind_calibration_of_small_readings():
    model = rc.models.BlindCalibration(12, 10, 7, gain_spread=0.4)
    problem, truth = model.sample(jax.random.key(0))
    matrices = np.asarray(problem.operator.as_matrix()).reshape(7, 10, 12)
    for solver in (rc.solvers.BlindCalibrationPGD(), rc.solvers.BlindCalibrationALS()):
        posed = rc.problems.CalibrationProblem(matrices, problem.observations * 1e-7, gain_spread=0.4)
        solution = rc.solve(posed, solver, max_steps=2000)
        assert relative(solution.value.gains, np.asarray(truth.gains, float)) < 1e-5
        assert name_of(solution) == "converged"


LABELS = np.repeat(np.arange(4), 30)


def partition():
    generator = np.random.default_rng(0)
    probability = np.where(LABELS[:, None] == LABELS[None], 0.5, 0.05)
    upper = np.triu(generator.random((120, 120)) < probability, 1)
    weights = np.triu(1 + generator.poisson(1, (120, 120)), 1)
    return (upper + upper.T).astype(float), weights + weights.T


@pytest.mark.parametrize("scale", [1e-12, 0.01, 100.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_communities_of_a_weighted_graph(weighted, scale):
    graph, weights = partition()
    graph = graph * weights if weighted else graph
    problem = rc.problems.GraphProblem(graph * scale, communities=None if weighted else 4)
    solution = rc.solve(problem, rc.solvers.BottomUp(), max_steps=50)
    assert int(solution.value.leaves) == 4
    assert adjusted_rand_score(LABELS, np.asarray(solution.value.labels)) == 1
    between = np.asarray(solution.value.similarities)[0] / scale
    assert 0.03 < between / (2 if weighted else 1) < 0.07


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0])
def test_a_constant_surface_is_that_constant(value):
    for solver in (rc.solvers.FreeDiscontinuityRegression(levels=8), rc.solvers.LocalLinear(0.05)):
        solution = rc.solve(rc.problems.SurfaceProblem(np.full(40, value)), solver, max_steps=50)
        np.testing.assert_array_equal(solution.value.values, value)
        assert not np.any(solution.value.jumps)


@pytest.mark.parametrize("scale", [0.03, 1e-12, 1e4])
def test_a_cube_in_other_units_is_unmixed_alike(scale):
    model = rc.models.SpectralMixture(side=12, channels=24, endmembers=3, outliers=2, snr=30.0, block=4, window=3)
    problem, truth = model.sample(jax.random.key(0))
    data = np.asarray(problem.observations)
    one = rc.solve(
        rc.problems.UnmixingProblem(data, 3, shape=problem.shape), rc.solvers.SparseUnmixing(), max_steps=300
    )
    other = rc.solve(
        rc.problems.UnmixingProblem(data * scale, 3, shape=problem.shape), rc.solvers.SparseUnmixing(), max_steps=300
    )
    back = eqx.tree_at(lambda mixture: mixture.endmembers, other.value, other.value.endmembers / scale)
    assert float(model.error(truth, back)) < 2 * float(model.error(truth, one.value)) + 0.01


def test_kronecker_problems_without_a_noise_level():
    model = rc.models.KroneckerSparse(dimensions=(6, 5, 7), samples=(4, 4, 5), sparsity=2)
    problem, truth = model.sample(jax.random.key(0))
    factors, data = [np.asarray(factor) for factor in problem.factors], np.asarray(problem.observations)

    def error(scale):
        posed = rc.problems.KroneckerProblem(factors, data * scale)
        value = rc.solve(posed, rc.solvers.SVDKroSBL(), max_steps=150).value
        return relative(np.asarray(value, float) / scale, np.asarray(truth, float))

    assert error(1e-12) < 3 * error(1.0) + 1e-5


@pytest.mark.parametrize(
    ("operator", "observations"),
    [(1.0, 10.0), (1e-6, 1e-6), (0.07, 1.0), (1e6, 1e-6), (1.0, 0.4), (1.0, 0.72), (1.0, 2.7), (1.0, 5.0), (1.4, 1.0)],
)
@pytest.mark.parametrize("kind", ["SubgradientMethod", "FactoredGradientDescent"])
def test_matrices_of_any_norm(kind, operator, observations):
    generator = np.random.default_rng(0)
    matrices = generator.standard_normal((200, 12, 12))
    factor = np.linalg.qr(generator.standard_normal((12, 2)))[0]
    truth = factor @ factor.T
    data = np.einsum("kij,ij->k", matrices, truth)
    problem = rc.problems.MatrixSensingProblem(matrices * operator, data * observations)
    solution = rc.solve(problem, getattr(rc.solvers, kind)(), max_steps=2000)
    assert relative(np.asarray(solution.value, float) / observations * operator, truth) < 1e-4
    assert name_of(solution) == "converged"


RANDOM = np.random.default_rng(0).standard_normal((6, 8))
DEGENERATE = {
    "one row": (RANDOM[:1], RANDOM[:1, 0]),
    "one column": (RANDOM[:, :1], RANDOM[:, 1]),
    "one entry": (RANDOM[:1, :1], RANDOM[:1, 1]),
    "no data": (RANDOM, np.zeros(6)),
    "no operator": (np.zeros((6, 8)), RANDOM[:, 0]),
    "nothing": (np.zeros((6, 8)), np.zeros(6)),
    "columns twice": (RANDOM[:, [0, 0, 1, 1, 2, 2]], RANDOM[:, 3]),
    "a column of zeros": (RANDOM * np.arange(8), RANDOM[:, 3]),
    "rows twice": (RANDOM[[0, 0, 1, 1]], RANDOM[[0, 0, 1, 1], 2]),
}
KINDS = ("FISTA", "OMP", "HTP", "NormalizedIHT", "SubspacePursuit", "AMP", "BayesAMP", "VAMP", "SparseBayesianLearning")


@pytest.mark.parametrize("kind", [*KINDS, "CoSaMP", "ReweightedL1", "ISTA"] if EVERYTHING else ["HTP"])
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_linear_problems(kind, case):
    operator, data = DEGENERATE[case]
    solution = rc.solve(rc.LinearProblem(operator, data), getattr(rc.solvers, kind)(), max_steps=200)
    assert np.all(np.isfinite(solution.value))
    assert name_of(solution) != "diverged"
    assert not np.isnan(solution.stats["certificate"])
    if not np.any(data) or not np.any(operator):
        assert not np.any(solution.value)


# The units themselves -------------------------------------------------------------------------------------------------


def test_powers_of_two():
    sizes = jnp.asarray([0.0, 1.0, 1.5, 2.0, 3.9, 1e-30, 1e30, jnp.inf, jnp.nan], jnp.float32)
    found = np.asarray(power_of_two(sizes), float)
    np.testing.assert_array_equal(found[:5], [1, 1, 1, 2, 2])
    assert 1e-30 / 2 < found[5] <= 1e-30
    assert 1e30 / 2 < found[6] <= 1.001e30
    np.testing.assert_array_equal(found[7:], 1)
    assert np.all(np.log2(found) % 1 == 0)


def test_data_of_order_one_are_left_as_they_are():
    sizes = jnp.asarray([2.0**-10, 0.01, 1.0, 1000.0, 0.0], jnp.float32)
    np.testing.assert_array_equal(jax.vmap(unit_of)(sizes), 1)
    problem = rc.models.SparseRegression(dimension=30, samples=20, sparsity=2).sample(jax.random.key(0))[0]
    natural = problem.in_units(problem.units(), columns=True)
    np.testing.assert_array_equal(natural.operator.weights, 1)
    np.testing.assert_array_equal(natural.observations, problem.observations)


class Amplitude(rc.solvers.AbstractSolver):
    """The first observation, by a solver that does not say what units are to it."""

    def init(self, problem, key):
        return problem.observations[0]

    def step(self, problem, state):
        return problem.observations[0]

    def status(self, problem, state):
        return rc.Result.converged

    def estimate(self, problem, state):
        return state


def test_solvers_that_say_nothing_get_problems_as_they_are():
    problem = rc.LinearProblem(A, Y * 1e-20)
    assert float(rc.solve(problem, Amplitude()).value) == np.float32(Y[0] * 1e-20)

    class Derived(rc.solvers.OMP):
        """A subclass, whose fields its parent knows nothing of."""

    assert float(np.abs(rc.solve(problem, Derived(sparsity=5), max_steps=9).state.residual).max()) < 1e-18
