"""Composite problems: what is taken, proximal maps, the line search, verdicts, derivatives, and what is compiled again."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_diabetes

import recover as rc

PENALTIES = rc.penalties
FISTA = rc.solvers.FISTA
generator = np.random.default_rng(0)
A = generator.standard_normal((40, 12))
TRUTH = np.where(np.arange(12) < 4, 1.5, 0.0)
Y = A @ TRUTH + 0.3 * generator.standard_normal(40)
KINDS = {
    "L1": lambda strength: PENALTIES.L1(strength),
    "nonnegative": lambda strength: PENALTIES.L1(strength, nonnegative=True),
    "SCAD": lambda strength: PENALTIES.SCAD(strength),
    "MCP": lambda strength: PENALTIES.MCP(strength),
    "ElasticNet": lambda strength: PENALTIES.ElasticNet(strength, share=0.3),
    "GroupL1": lambda strength: PENALTIES.GroupL1(strength, groups=np.arange(12) // 3),
    "Box": lambda strength: PENALTIES.Box(-0.1, strength),
    "Simplex": lambda strength: PENALTIES.Simplex(strength),
}


def loss(w, X, y):
    return 0.5 * jnp.sum((X @ w - y) ** 2)


def least_squares(X, y):
    return eqx.Partial(loss, X=X, y=y)


def solve(penalty, X=A, y=Y, solver=None, start=None, **options):
    X, y = jnp.asarray(X), jnp.asarray(y)
    start = jnp.zeros(X.shape[1], X.dtype) if start is None else start
    solver = FISTA(tolerance=1e-12) if solver is None else solver
    return rc.solve(
        rc.CompositeProblem(least_squares(X, y), penalty, start=start), solver, **{"max_steps": 5000, **options}
    )


# What is taken ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [FISTA(penalty=0.1), rc.solvers.ISTA(penalty=0.1)])
def test_a_second_penalty_is_refused(solver):
    with pytest.raises(TypeError, match=r"has a penalty, .*a CompositeProblem has its own"):
        solve(PENALTIES.L1(0.1), solver=solver)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"loss": 3.0}, TypeError, "`loss` is 3.0.*; a function"),
        ({"loss": lambda v: v}, ValueError, "`loss` returns .*; one real number"),
        ({"loss": lambda v: (jnp.sum(v), jnp.sum(v))}, ValueError, "`loss` returns .*; one real number"),
        ({"penalty": 0.1}, TypeError, "`penalty` is 0.1, a float; one of `recover.penalties`"),
        ({"penalty": (PENALTIES.L1(0.1), None)}, ValueError, "no prefix of `start`"),
        ({"start": jnp.zeros(3, jnp.complex64)}, TypeError, "a pytree of real arrays"),
        ({"start": "zero"}, TypeError, "a pytree of real arrays"),
    ],
)
def test_what_is_no_problem_is_refused(arguments, error, message):
    given = {"loss": lambda v: jnp.sum(v**2), "penalty": PENALTIES.L1(0.1), "start": jnp.zeros(3), **arguments}
    with pytest.raises(error, match=message):
        rc.CompositeProblem(given.pop("loss"), given.pop("penalty"), **given)


def test_other_solvers_do_not_take_it():
    with pytest.raises(TypeError, match="OMP takes a LinearProblem"):
        solve(PENALTIES.L1(0.1), solver=rc.solvers.OMP(sparsity=3))


def test_a_pytree_with_penalties_of_its_parts():
    def misfit(v):
        return 0.5 * jnp.sum((v["a"] - 3) ** 2) + 0.5 * jnp.sum((v["b"][0] + 2) ** 2) + 0.5 * (v["b"][1] - 4) ** 2

    penalty = {"a": PENALTIES.L1(1.0), "b": PENALTIES.Box(-1, 1)}
    start = {"a": jnp.zeros((2, 2)), "b": (jnp.zeros(3), 0)}
    value = rc.solve(rc.CompositeProblem(misfit, penalty, start=start), FISTA(), max_steps=200).value
    np.testing.assert_allclose(value["a"], np.full((2, 2), 2.0), rtol=1e-5)
    np.testing.assert_allclose(value["b"][0], -np.ones(3), rtol=1e-5)
    np.testing.assert_allclose(value["b"][1], 1, rtol=1e-5)


# Proximal maps ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "penalty",
    [
        PENALTIES.GroupL1(0.5),
        PENALTIES.GroupL1(np.asarray([0.1, 0.8]), groups=np.asarray([[0, 0, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1]])),
        PENALTIES.NuclearNorm(0.5),
        PENALTIES.ElasticNet(0.5, share=0.3),
        PENALTIES.ElasticNet(0.5, share=0.3, nonnegative=True),
        PENALTIES.Simplex(2.0),
        PENALTIES.Box(-0.2, 0.4),
    ],
)
def test_proximal_maps_minimise(penalty):
    v = jnp.asarray(np.random.default_rng(1).standard_normal((4, 3)))
    step = 0.7
    found = penalty.proximal(v, step)

    def objective(u):
        return float(jnp.sum((u - v) ** 2) / 2 + step * penalty.value(u))

    # Towards any other point of the domain the objective of a convex penalty rises.
    assert np.isfinite(objective(found))
    for seed in range(20):
        noise = jnp.asarray(np.random.default_rng(seed).standard_normal((4, 3)))
        other = penalty.proximal(v + noise, step)
        for share in (1e-3, 0.1, 1.0):
            assert objective(found + share * (other - found)) >= objective(found) - 1e-12


@pytest.mark.usefixtures("float64")
def test_the_derivative_of_singular_value_thresholding():
    generator = np.random.default_rng(0)
    generic = generator.standard_normal((5, 3))
    for matrix in (generic, generic.T, 2 * np.eye(5)[:, :3], np.outer(generic[:, 0], [1, 2, 3])):
        matrix, moved = jnp.asarray(matrix), jnp.asarray(generator.standard_normal(matrix.shape))

        def shrunk(matrix, strength):
            return PENALTIES.NuclearNorm(strength).proximal(matrix, 1.0)

        strength, other, step = jnp.asarray(0.6), jnp.asarray(0.3), 1e-6
        _, found = jax.jvp(shrunk, (matrix, strength), (moved, other))
        after = shrunk(matrix + step * moved, strength + step * other)
        before = shrunk(matrix - step * moved, strength - step * other)
        np.testing.assert_allclose(found, (after - before) / (2 * step), atol=1e-6)


# Answers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["L1", "MCP"])
@pytest.mark.parametrize(
    "solver", [rc.solvers.ISTA, FISTA, rc.solvers.ProximalGradient, lambda **o: FISTA(step_size=0.01, **o)]
)
def test_the_answer_of_a_linear_problem(kind, solver):
    solution = solve(KINDS[kind](3.0), solver=solver(tolerance=1e-6))
    wanted = rc.solve(rc.LinearProblem(A, Y), rc.solvers.ISTA(KINDS[kind](3.0), tolerance=1e-7), max_steps=5000)
    assert solution.result == rc.Result.converged
    np.testing.assert_allclose(solution.value, wanted.value, atol=2e-5)
    assert float(solution.stats["certificate"]) <= 1


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_line_search_finds_the_curvature_of_any_loss(scale):
    solution = solve(PENALTIES.L1(3.0 * scale**2), X=A * scale, y=Y * scale, solver=FISTA())
    np.testing.assert_allclose(solution.value, solve(PENALTIES.L1(3.0), solver=FISTA()).value, atol=1e-4)
    assert solution.result == rc.Result.converged
    assert int(solution.stats["steps"]) < 300


def test_a_loss_with_a_barrier_and_one_that_is_no_number():
    def barrier(v):
        return jnp.sum(v) - jnp.sum(jnp.log(v))

    solution = rc.solve(rc.CompositeProblem(barrier, start=jnp.full(3, 0.01)), FISTA(), max_steps=500)
    np.testing.assert_allclose(solution.value, np.ones(3), rtol=1e-3)
    lost = rc.solve(rc.CompositeProblem(lambda v: jnp.sum(jnp.log(v)), start=-jnp.ones(3)), FISTA(), max_steps=50)
    assert lost.result == rc.Result.diverged


def test_converged_is_said_of_minimisers_only():
    matrix, target = load_diabetes(return_X_y=True, scaled=False)
    matrix = np.column_stack([matrix, np.ones(len(matrix))]).astype(np.float32)
    target = target.astype(np.float32)
    best = np.sum((target - matrix @ np.linalg.lstsq(matrix.astype(float), target.astype(float))[0]) ** 2) / 2
    for solver in (rc.solvers.ISTA(), FISTA(tolerance=1e-4)):
        solution = solve(None, X=matrix, y=target, solver=solver, max_steps=1000)
        left = float(solution.stats["objective"]) / best - 1
        assert solution.result != rc.Result.converged or left < 5e-3, (solver, left)


def test_starts():
    cold = solve(PENALTIES.L1(3.0), solver=FISTA())
    warm = solve(PENALTIES.L1(3.0), solver=FISTA(), init=cold.value)
    again = solve(PENALTIES.L1(3.0), solver=FISTA(), init=cold)
    assert warm.result == again.result == rc.Result.converged
    assert int(again.stats["steps"]) <= int(warm.stats["steps"]) < int(cold.stats["steps"]) / 2
    np.testing.assert_allclose(warm.value, cold.value, atol=1e-5)


# Derivatives -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("kind", KINDS)
def test_hyper_gradients_against_differences(kind):
    def outer(strength, X):
        return jnp.sum(jnp.arange(12.0) * solve(KINDS[kind](strength), X=X).value)

    strength = jnp.asarray(1.2)
    slopes = jax.grad(outer, (0, 1))(strength, jnp.asarray(A))
    direction = jnp.asarray(np.random.default_rng(2).standard_normal(A.shape))
    step = 1e-5

    def difference(move, turn):
        return (outer(strength + move, A + turn * direction) - outer(strength - move, A - turn * direction)) / (
            2 * step
        )

    assert float(slopes[0]) == pytest.approx(float(difference(step, 0)), rel=1e-4, abs=1e-6)
    assert float(jnp.sum(slopes[1] * direction)) == pytest.approx(float(difference(0, step)), rel=1e-4)


@pytest.mark.usefixtures("float64")
def test_a_gradient_through_the_nuclear_norm():
    matrix = jnp.asarray(generator.standard_normal((6, 4)))
    weights = jnp.asarray(generator.uniform(0.5, 2.0, (6, 4)))

    def outer(strength):
        def misfit(v):
            return 0.5 * jnp.sum(weights * (v - matrix) ** 2)

        problem = rc.CompositeProblem(misfit, PENALTIES.NuclearNorm(strength), start=jnp.zeros((6, 4)))
        return jnp.sum(matrix**2 * rc.solve(problem, FISTA(tolerance=1e-13), max_steps=5000).value)

    strength, step = jnp.asarray(1.0), 1e-5
    difference = (outer(strength + step) - outer(strength - step)) / (2 * step)
    assert float(jax.grad(outer)(strength)) == pytest.approx(float(difference), rel=1e-4)


@pytest.mark.usefixtures("float64")
def test_arrays_that_a_loss_closes_over_have_derivatives():
    def answer(y, adjoint):
        problem = rc.CompositeProblem(
            lambda w: 0.5 * jnp.sum((jnp.asarray(A) @ w - y) ** 2), PENALTIES.L1(3.0), start=jnp.zeros(12)
        )
        return rc.solve(problem, FISTA(tolerance=1e-12), max_steps=300, adjoint=adjoint).value

    implicit = jax.jacrev(lambda y: answer(y, rc.ImplicitAdjoint()))(jnp.asarray(Y))
    unrolled = jax.jacrev(lambda y: answer(y, rc.UnrolledAdjoint()))(jnp.asarray(Y))
    support = np.asarray(answer(jnp.asarray(Y), rc.ImplicitAdjoint())) != 0
    np.testing.assert_allclose(implicit[support], np.linalg.pinv(A[:, support]), atol=1e-8)
    np.testing.assert_allclose(implicit, unrolled, atol=1e-6)


# Compilation -----------------------------------------------------------------------------------------------------------


class Counted:
    """A loss that counts how often it is traced."""

    traced = 0

    def __call__(self, w, X, y):
        self.traced += 1
        return loss(w, X, y)


def test_other_data_and_strengths_are_the_same_program():
    counted = Counted()

    def solved(scale):
        problem = rc.CompositeProblem(
            eqx.Partial(counted, X=jnp.asarray(A, jnp.float32), y=jnp.asarray(scale * Y, jnp.float32)),
            PENALTIES.L1(scale),
            start=jnp.zeros(12),
        )
        return rc.solve(problem, FISTA(), max_steps=100)

    solved(1.0)
    first = counted.traced
    solved(2.0)
    # Once for the check of its value.
    assert counted.traced == first + 1


def test_arrays_of_a_closure_are_data_of_the_program():
    large = jnp.asarray(A, jnp.float32)
    problem = rc.CompositeProblem(lambda w: jnp.sum((large @ w) ** 2), start=jnp.zeros(12))
    assert any(leaf.shape == large.shape for leaf in jax.tree.leaves(eqx.filter(problem, eqx.is_array)))

    def plain(w):
        return jnp.sum(w**2)

    one, other = (rc.CompositeProblem(plain, start=jnp.zeros(2)) for _ in range(2))
    assert jax.tree.structure(one) == jax.tree.structure(other)


def test_problems_of_a_list():
    X, ys = jnp.asarray(A, jnp.float32), [jnp.asarray(scale * Y, jnp.float32) for scale in (1, 2, -1)]
    problems = [rc.CompositeProblem(least_squares(X, y), PENALTIES.L1(3.0), start=jnp.zeros(12)) for y in ys]
    for y, value in zip(ys, rc.solve_many(problems, FISTA(), max_steps=1000).value, strict=True):
        np.testing.assert_allclose(value, solve(PENALTIES.L1(3.0), X=X, y=y, solver=FISTA()).value, atol=1e-5)


def test_a_batch_of_problems():
    ys = jnp.asarray(np.stack([Y, 2 * Y, -Y]), jnp.float32)
    X = jnp.asarray(A, jnp.float32)

    @jax.vmap
    def batch(y):
        return rc.solve(rc.CompositeProblem(least_squares(X, y), PENALTIES.L1(3.0), start=jnp.zeros(12)), FISTA()).value

    for y, value in zip(ys, batch(ys), strict=True):
        np.testing.assert_allclose(value, solve(PENALTIES.L1(3.0), X=X, y=y, solver=FISTA()).value, atol=1e-5)
