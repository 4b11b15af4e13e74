"""Warm starts, paths, many problems at once and compiled solves: the answers of `rc.solve`."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.path import traced_names

MODEL = rc.models.SparseRegression(dimension=60, samples=40, sparsity=4, noise=0.01)
WARM = ["AMP", "BayesAMP", "FISTA", "HTP", "IHT", "ISTA", "NormalizedIHT", "WorkingSet"]


@pytest.fixture(scope="module")
def problem():
    return MODEL.sample(jax.random.key(0))[0]


@pytest.fixture(scope="module")
def problems():
    return jax.vmap(lambda key: MODEL.sample(key)[0])(jax.random.split(jax.random.key(1), 24))


def element(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def close(one, other, **tolerance):
    """All that two solutions say."""
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for found, expected in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(found, expected, **tolerance)


@pytest.mark.parametrize("name", ["FISTA", "OMP", "AMP"])
def test_a_solution_resumes(problem, name):
    solver = getattr(rc.solvers, name)()
    whole = rc.solve(problem, solver)
    half = rc.solve(problem, solver, max_steps=2)
    assert half.result == rc.Result.exhausted
    rest = rc.solve(problem, solver, init=half)
    close(rest.value, whole.value, rtol=1e-5, atol=1e-6)
    assert int(rest.stats["steps"]) + 2 == int(whole.stats["steps"])
    assert int(rc.solve(problem, solver, init=whole).stats["steps"]) == 0


@pytest.mark.parametrize("name", WARM)
def test_an_estimate_is_a_start(problem, name):
    solver = getattr(rc.solvers, name)()
    cold = rc.solve(problem, solver)
    warm = rc.solve(problem, solver, init=cold.value)
    close(warm.value, cold.value, atol=2e-3)
    assert int(warm.stats["steps"]) < int(cold.stats["steps"])


def test_an_estimate_is_in_the_units_of_the_data(problem):
    matrix, y = problem.operator.as_matrix(), problem.observations
    big = rc.LinearProblem(1e5 * matrix, 1e-3 * y)
    solver = rc.solvers.FISTA()
    cold = rc.solve(big, solver)
    warm = rc.solve(big, solver, init=np.asarray(cold.value))
    assert int(warm.stats["steps"]) <= 2
    close(warm.value, cold.value, rtol=1e-3, atol=1e-12)


def test_what_cannot_start_says_so(problem):
    solution = rc.solve(problem, rc.solvers.OMP())
    with pytest.raises(TypeError, match="OMP cannot start from one"):
        rc.solve(problem, rc.solvers.OMP(), init=solution.value)
    with pytest.raises(ValueError, match="that of FISTA is"):
        rc.solve(problem, rc.solvers.FISTA(), init=solution)
    with pytest.raises(
        ValueError, match=r"of 1 array, float32\[59\]; an estimate of FISTA is of 1 array, float32\[60\]"
    ):
        rc.solve(problem, rc.solvers.FISTA(), init=solution.value[1:])
    with pytest.raises(TypeError, match="`init` is 'zero', a str"):
        rc.solve(problem, rc.solvers.FISTA(), init="zero")


@pytest.mark.parametrize(
    "solver",
    [rc.solvers.FISTA(), rc.solvers.OMP(sparsity=4), rc.solvers.SubspacePursuit()],
    ids=lambda s: type(s).__name__,
)
def test_many_are_those_of_vmap(problems, solver):
    many = rc.solve_many(problems, solver, max_steps=300)
    each = jax.vmap(lambda problem: rc.solve(problem, solver, max_steps=300))(problems)
    close(many.value, each.value, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(many.stats["steps"], each.stats["steps"], atol=2)
    assert jax.tree.structure(many) == jax.tree.structure(each)
    assert jnp.all(many.result == each.result)


def test_large_problems_take_turns_without_a_queue():
    model = rc.models.SparseRegression(dimension=1000, samples=500, sparsity=10)
    problems = [model.sample(jax.random.key(seed))[0] for seed in range(3)]
    many = rc.solve_many(problems, rc.solvers.AMP())
    for number, problem in enumerate(problems):
        close(many.value[number], rc.solve(problem, rc.solvers.AMP()).value, atol=1e-4)


def test_a_list_of_own_problems_and_what_they_share(problem):
    matrix = problem.operator
    own = [rc.LinearProblem(matrix, scale * problem.observations) for scale in range(1, 20)]
    many = rc.solve_many(own, rc.solvers.OMP(sparsity=4))
    one = rc.solve(own[0], rc.solvers.OMP(sparsity=4)).value
    close(many.value, np.arange(1, 20)[:, None] * np.asarray(one), rtol=1e-3, atol=1e-4)


def test_keys_starts_and_resumption_of_many(problems):
    solver = rc.solvers.FISTA()
    keys = jax.random.split(jax.random.key(3), 24)
    half = rc.solve_many(problems, solver, key=keys, max_steps=20)
    alone = rc.solve(element(problems, 5), solver, key=keys[5], max_steps=20)
    close(element(half.value, 5), alone.value, atol=1e-5)
    rest = rc.solve_many(problems, solver, init=half)
    warm = rc.solve_many(problems, solver, init=rest.value)
    close(warm.value, rest.value, atol=1e-4)
    assert jnp.median(warm.stats["steps"]) < jnp.median(rest.stats["steps"])


def test_many_works_under_jit(problems):
    found = jax.jit(lambda problems: rc.solve_many(problems, rc.solvers.OMP(sparsity=4)).value)(problems)
    close(found, rc.solve_many(problems, rc.solvers.OMP(sparsity=4)).value, atol=1e-5)


def test_many_refuses(problem, problems):
    solver = rc.solvers.OMP()
    other = MODEL.sample(jax.random.key(9))[0]
    smaller = rc.LinearProblem(problem.operator.as_matrix()[:30], problem.observations[:30])
    with pytest.raises(ValueError, match="`problems` is empty"):
        rc.solve_many([], solver)
    with pytest.raises(ValueError, match=r"`problems\[1\]` has arrays of"):
        rc.solve_many([other, smaller], solver)
    with pytest.raises(TypeError, match=r"`problems\[1\]` is 3, a int"):
        rc.solve_many([problem, 3], solver)
    with pytest.raises(ValueError, match="one LinearProblem, whose arrays have the leading axes"):
        rc.solve_many(problem, solver)
    with pytest.raises(ValueError, match="a leading axis of 24"):
        rc.solve_many(problems, solver, key=jax.random.split(jax.random.key(0), 3))
    with pytest.raises(ValueError, match="a leading axis of 24"):
        rc.solve_many(problems, rc.solvers.FISTA(), init=jnp.zeros((3, 60)))
    with pytest.raises(ValueError, match="solve_many: `max_steps` is 0"):
        rc.solve_many(problems, solver, max_steps=0)
    with pytest.raises(TypeError, match="OMP cannot start from one"):
        rc.solve_many(problems, solver, init=jnp.zeros((24, 60)))


def test_a_path_is_its_solves_in_fewer_steps(problem):
    values = jnp.geomspace(0.5, 0.02, 6)
    along = rc.path(problem, rc.solvers.FISTA(tolerance=1e-7), "penalty", values)
    cold = jax.vmap(lambda value: rc.solve(problem, rc.solvers.FISTA(penalty=value, tolerance=1e-7)))(values)
    close(along.value, cold.value, atol=1e-4)
    assert jnp.sum(along.stats["steps"]) < jnp.sum(cold.stats["steps"])
    assert jnp.all(along.result == rc.Result.converged)


def test_a_path_of_a_part_and_from_a_start(problem):
    solver = rc.solvers.ISTA(penalty=rc.penalties.MCP(0.1, gamma=3.0))
    along = rc.path(problem, solver, "penalty", [0.2, 0.1])
    assert along.value.shape == (2, 60)
    again = rc.path(problem, solver, "penalty.strength", [0.1], init=along.value[1])
    assert int(again.stats["steps"][0]) <= 2
    assert {"penalty", "penalty.gamma", "penalty.strength", "tolerance"} <= traced_names(solver)


def test_a_path_refuses(problem):
    with pytest.raises(
        ValueError, match="'penality'; numbers of FISTA are continuation, patience, penalty, step_size, tolerance"
    ):
        rc.path(problem, rc.solvers.FISTA(), "penality", [1.0])
    with pytest.raises(ValueError, match="accelerated"):
        rc.path(problem, rc.solvers.ProximalGradient(0.1), "accelerated", [1.0])
    with pytest.raises(ValueError, match="`strength` is -1"):
        rc.path(problem, rc.solvers.FISTA(), "penalty", [1.0, -1.0])
    with pytest.raises(ValueError, match="at least one value"):
        rc.path(problem, rc.solvers.FISTA(), "penalty", [])
    with pytest.raises(TypeError, match="OMP cannot start from one"):
        rc.path(problem, rc.solvers.OMP(), "tolerance", [1e-3])


def test_a_compiled_solve(problem):
    handle = rc.compile(jax.eval_shape(lambda: problem), rc.solvers.FISTA(penalty=0.1))
    for seed in range(2):
        other = MODEL.sample(jax.random.key(seed))[0]
        close(handle(other), rc.solve(other, rc.solvers.FISTA(penalty=0.1)), atol=1e-5, rtol=1e-4)
    assert handle(problem, max_steps=3).result == rc.Result.exhausted
    with pytest.raises(ValueError, match="compile another one"):
        handle(eqx.tree_at(lambda each: each.observations, problem, problem.observations[:30]))
