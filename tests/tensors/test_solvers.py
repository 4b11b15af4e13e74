import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating, floating_dtype
from recover.core.sizes import with_capacities
from recover.operators import KroneckerProduct
from recover.operators.mode_products import quadratic_forms, weighted_gram
from recover.tensors.kronecker_sbl import kronecker_posterior
from tests.compiled import compiled


def dense(factors):
    return functools.reduce(np.kron, [np.asarray(factor) for factor in factors])


def random_problem(complex_data, seed=0):
    generator = np.random.default_rng(seed)
    shapes, dtype = ((3, 4), (2, 3), (4, 5)), np.complex128 if complex_data else np.float64

    def draw(shape):
        plain = generator.normal(size=shape)
        return (plain + 1j * generator.normal(size=shape) if complex_data else plain).astype(dtype)

    return [draw(shape) for shape in shapes], draw((3, 2, 4)), [generator.uniform(0.1, 2, n) for n in (4, 3, 5)]


@pytest.mark.parametrize("complex_data", [False, True])
def test_posterior_is_that_of_the_dense_model(complex_data):
    with jax.enable_x64(True):
        factors, observations, variances = random_problem(complex_data)
        problem = rc.KroneckerProblem(factors, observations, noise=0.3)
        found = compiled(kronecker_posterior, problem, tuple(map(jnp.asarray, variances)), jnp.asarray(0.09))
        H, y, prior = dense(factors), observations.reshape(-1), dense(variances)
        phi = 0.09 * np.eye(24) + (H * prior) @ H.conj().T
        precision = np.linalg.inv(phi)
        mean = prior * (H.conj().T @ precision @ y)
        sigma = prior - prior**2 * np.einsum("an,ab,bn->n", H.conj(), precision, H).real
        np.testing.assert_allclose(found.mean.reshape(-1), mean, rtol=1e-9)
        np.testing.assert_allclose(found.energies.reshape(-1), np.abs(mean) ** 2 + sigma, rtol=1e-9)
        cost = np.linalg.slogdet(phi)[1] + (y.conj() @ precision @ y).real
        np.testing.assert_allclose(found.cost, cost, rtol=1e-9)
        misfit = np.sum(np.abs(y - H @ mean) ** 2)
        update = (misfit + 0.09 * np.sum(1 - sigma / prior)) / 24
        np.testing.assert_allclose(found.noise_update, update, rtol=1e-9)
        np.testing.assert_allclose(found.residual, np.sqrt(misfit) / np.linalg.norm(y), rtol=1e-9)
        np.testing.assert_allclose(
            compiled(weighted_gram, problem.factors, jnp.asarray(prior.reshape(4, 3, 5), observations.dtype)),
            (H * prior) @ H.conj().T,
            rtol=1e-9,
        )
        forms = np.einsum("an,ab,bn->n", H.conj(), precision, H).real
        np.testing.assert_allclose(
            compiled(quadratic_forms, problem.factors, jnp.asarray(precision)).reshape(-1), forms, rtol=1e-8
        )


def test_operator_is_the_kronecker_product():
    factors, observations, _ = random_problem(False)
    factors = [factor.astype(np.float32) for factor in factors]
    operator, matrix = KroneckerProduct(factors), dense(factors)
    np.testing.assert_allclose(operator.as_matrix(), matrix, atol=1e-5)
    z = observations.reshape(-1).astype(np.float32)
    np.testing.assert_allclose(operator.T.mv(jnp.asarray(z)), matrix.T @ z, atol=1e-4)


def m_step_cost(energies, variances):
    """The sum of log gamma + d / gamma over the variances that are not zero, which the M-step lowers."""
    prior = functools.reduce(np.multiply.outer, [np.asarray(each) for each in variances])
    live = prior > 0
    return np.sum(np.log(prior[live]) + np.asarray(energies)[live] / prior[live])


@pytest.mark.parametrize("passes", [1, 50])
def test_cost_of_alternating_minimisation_never_increases(passes):
    with jax.enable_x64(True):
        model = rc.models.KroneckerSparse((6, 6, 6), (4, 5, 6), 2, snr=15.0)
        problem, _ = model.sample(jax.random.key(1))
        solver = rc.solvers.AMKroSBL(prune=0.0, passes=passes, tolerance=-1.0)
        solver = cast_floating(solver, floating_dtype(problem))
        state, step = compiled(solver.init, problem, jax.random.key(0)), eqx.filter_jit(type(solver).step)
        costs = []
        for _ in range(60):
            following = step(solver, problem, state)
            energies = state.posterior.energies
            before, after = (m_step_cost(energies, each.variances) for each in (state, following))
            assert after <= before + 1e-9 * abs(before)
            costs.append(float(following.posterior.cost))
            state = following
        assert np.all(np.diff(costs) <= 1e-9 * np.abs(costs[:-1]))
        assert costs[-1] < costs[0]


def test_rank_one_fit_returns_a_kronecker_product_as_it_is():
    _, _, variances = random_problem(False)
    variances = tuple(jnp.asarray(v, jnp.float32) for v in variances)
    energies = functools.reduce(np.multiply.outer, [np.asarray(v) for v in variances])
    found = compiled(cast_floating(rc.solvers.SVDKroSBL(), jnp.float32).maximise, jnp.asarray(energies), variances)
    np.testing.assert_allclose(functools.reduce(np.multiply.outer, [np.asarray(v) for v in found]), energies, rtol=1e-4)


def test_unstructured_learning_is_that_of_linear_problems():
    with jax.enable_x64(True):
        model = rc.models.KroneckerSparse((4, 4, 5), (3, 3, 4), 2, snr=20.0)
        problem, _ = model.sample(jax.random.key(2))
        linear = problem.as_linear()
        level = float(jnp.sum(problem.observations**2) / 80 / linear.column_norm**2)
        mine = rc.solve(
            problem, rc.solvers.UnstructuredSBL(prune=0.0, tolerance=-1.0, initial_variance=level), max_steps=5
        )
        other = rc.solve(linear, rc.solvers.SparseBayesianLearning(tolerance=-1.0, patience=0), max_steps=6)
        # The linear solver reports the mean under the variances of the step before.
        np.testing.assert_allclose(mine.value.reshape(-1), other.value, rtol=1e-5, atol=1e-8)


SOLVERS = {
    "svd": rc.solvers.SVDKroSBL(),
    "am": rc.solvers.AMKroSBL(),
    "clustered": rc.solvers.ClusteredKroSBL(clustered=(False, False, False)),
    "unstructured": rc.solvers.UnstructuredSBL(),
    "pursuit": rc.solvers.KroneckerOMP(),
    "raveled": rc.solvers.Raveled(rc.solvers.OMP(sparsity=8)),
}


@pytest.mark.parametrize("name", SOLVERS)
def test_solver_recovers_and_padding_changes_nothing(name):
    # Sixty steps in single precision amplify rounding, which padding changes.
    with jax.enable_x64(True):
        model = rc.models.KroneckerSparse((7, 7, 7), (5, 6, 7), 2, snr=30.0)
        problem, truth = model.sample(jax.random.key(4))
        capacities = {"samples_0": 6, "samples_1": 7, "samples_2": 7}
        padded, same = with_capacities(model, capacities).sample(jax.random.key(4))
        np.testing.assert_array_equal(truth, same)
        np.testing.assert_allclose(padded.observations[:5, :6], problem.observations, atol=1e-9)
        assert not np.any(padded.observations[5:])
        assert not np.any(padded.observations[:, 6:])
        plain, wide = (rc.solve(each, SOLVERS[name], max_steps=60) for each in (problem, padded))
        assert float(compiled(model.error, truth, plain.value)) < 5e-2
        np.testing.assert_allclose(plain.value, wide.value, atol=1e-5 * float(jnp.max(jnp.abs(truth))))


def test_impossible_input_is_named():
    with pytest.raises(ValueError, match=r"KroneckerProblem: `observations`"):
        rc.KroneckerProblem([np.ones((2, 3)), np.ones((2, 3))], np.ones(5))
    with pytest.raises(ValueError, match=r"KroneckerProblem: `samples` is 5; an integer from 1 to 4"):
        rc.KroneckerProblem([np.ones((2, 3)), np.ones((2, 3))], np.ones(4), samples=5)
    with pytest.raises(ValueError, match=r"AMKroSBL: `prune`"):
        rc.solvers.AMKroSBL(prune=-1.0)
    with pytest.raises(ValueError, match=r"KroneckerOMP: `most` is -1"):
        rc.solvers.KroneckerOMP(most=-1)


def test_options_of_kronecker_learning_go_by_keyword():
    assert float(rc.solvers.SVDKroSBL().prune) == 1e-3
    assert float(rc.solvers.AMKroSBL().prune) == 1e-2
    for kind in (rc.solvers.AMKroSBL, rc.solvers.SVDKroSBL):
        with pytest.raises(TypeError, match="positional"):
            kind(1e-3)


def test_pursuit_without_a_bound_stops_when_the_data_are_explained():
    model = rc.models.KroneckerSparse((7, 7, 7), (6, 6, 7), 2)
    problem, truth = model.sample(jax.random.key(4))
    unknown = rc.KroneckerProblem(problem.factors, problem.observations)
    solution = rc.solve(unknown, rc.solvers.KroneckerOMP(tolerance=1e-4), max_steps=30)
    assert float(compiled(model.error, truth, solution.value)) < 1e-6
    assert int(unknown.mask.sum()) == int(unknown.count) == 252


@pytest.mark.parametrize("snr", [jnp.inf, 60.0])
def test_unstructured_learning_keeps_its_covariance_positive_definite(snr):
    model = rc.models.KroneckerSparse(dimensions=(6, 5, 7), samples=(4, 4, 5), sparsity=2, snr=snr)
    errors = []
    for seed in range(4):
        problem, truth = model.sample(jax.random.key(seed))
        solution = rc.solve(problem, rc.solvers.UnstructuredSBL(), max_steps=500)
        assert not bool(solution.result == rc.Result.diverged)
        errors.append(float(model.error(truth, solution.value)))
    # Not all supports can be told from others that explain the data as well.
    assert sorted(errors)[1] < 0.01
