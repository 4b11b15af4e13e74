"""Derivatives of a solve: what they are, where they are none, and that a solve without them is what it was."""

import collections
import pathlib
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

import recover as rc
from recover.core import AbstractSolver, Optimality, by_change, leaf
from recover.core.solve import run

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "gradients.md").read_text()
pytestmark = pytest.mark.usefixtures("float64")


def data(rows=60, columns=30, sparsity=5, noise=0.05, seed=3):
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((rows, columns))
    truth = np.r_[random.standard_normal(sparsity), np.zeros(columns - sparsity)]
    observations = matrix @ truth + noise * random.standard_normal(rows)
    return matrix, observations, random.standard_normal(columns)


MATRIX, DATA, TARGET = data()


def solved(matrix, observations, strength, **options):
    solver = rc.solvers.FISTA(penalty=strength, tolerance=1e-12)
    return rc.solve(rc.LinearProblem(matrix, observations), solver, **{"max_steps": 20_000, **options})


def loss(matrix, observations, strength, **options):
    return jnp.sum((solved(matrix, observations, strength, **options).value - TARGET) ** 2)


def closed_form(signs):
    """The loss of the LASSO for coefficients of known signs."""
    support = np.flatnonzero(signs)

    def value(matrix, observations, strength):
        chosen = matrix[:, support]
        right = chosen.T @ observations - strength * signs[support]
        x = jnp.zeros_like(TARGET).at[support].set(jnp.linalg.solve(chosen.T @ chosen, right))
        return jnp.sum((x - TARGET) ** 2)

    return value


def known():
    return closed_form(np.sign(np.asarray(solved(MATRIX, DATA, 1.0).value)))


def close(found, expected, relative):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=relative, atol=relative * float(jnp.max(jnp.abs(other))))


def test_hypergradients_of_the_lasso_are_the_closed_form_on_the_support():
    arguments = MATRIX, DATA, jnp.asarray(1.0)
    expected = jax.grad(known(), argnums=(0, 1, 2))(*arguments)
    close(jax.grad(loss, argnums=(0, 1, 2))(*arguments), expected, 1e-6)
    close(jax.jacfwd(loss, argnums=(1, 2))(*arguments), expected[1:], 1e-6)


def test_second_derivatives_in_both_modes():
    arguments = MATRIX, DATA, jnp.asarray(1.0)
    expected = jax.hessian(known(), argnums=(1, 2))(*arguments)
    close(jax.hessian(loss, argnums=(1, 2))(*arguments), expected, 1e-6)
    close(jax.jacrev(jax.grad(loss, argnums=1), argnums=2)(*arguments), expected[0][1], 1e-6)


def test_third_derivatives_of_smooth_least_squares():
    def smooth(loss):
        return jax.grad(jax.grad(jax.grad(lambda size: loss(size * MATRIX, DATA, jnp.asarray(0.0)))))

    close(smooth(loss)(1.1), smooth(closed_form(np.ones(30)))(1.1), 1e-6)


@pytest.mark.parametrize("columns", [100, 600])
def test_large_systems_are_solved_by_products(columns):
    matrix, observations, target = data(80, columns)
    weights = 1.0 + jnp.arange(columns) / columns

    def lasso(observations):
        return jnp.sum(solved(matrix, observations, rc.penalties.L1(weights)).value * target)

    def concave(observations):
        solver = rc.solvers.ProximalGradient(rc.penalties.MCP(1.0, gamma=20.0), tolerance=1e-12)
        return jnp.sum(rc.solve(rc.LinearProblem(matrix, observations), solver, max_steps=20_000).value * target)

    for function in (lasso, concave):
        direction = jnp.cos(jnp.arange(80.0))
        difference = (function(observations + 1e-5 * direction) - function(observations - 1e-5 * direction)) / 2e-5
        assert float(jax.grad(function)(observations) @ direction) == pytest.approx(float(difference), rel=1e-6)


def test_another_linear_solver():
    def gradient(**options):
        return jax.grad(lambda y: loss(MATRIX, y, 1.0, adjoint=rc.ImplicitAdjoint(**options)))(DATA)

    close(gradient(linear_solver=lx.LU()), gradient(), 1e-10)


def test_batches_and_scans_are_loops():
    many = DATA[None, :] * jnp.asarray([0.9, 1.0, 1.1])[:, None]
    each = jax.grad(lambda y: loss(MATRIX, y, 1.0))
    loop = jnp.stack([each(y) for y in many])
    close(jax.jit(jax.vmap(each))(many), loop, 1e-9)
    close(jax.grad(lambda many: jnp.sum(jax.vmap(lambda y: loss(MATRIX, y, 1.0))(many)))(many), loop, 1e-9)

    def scanned(many):
        return jax.lax.scan(lambda total, y: (total + loss(MATRIX, y, 1.0), None), jnp.zeros(()), many)[0]

    close(jax.grad(scanned)(many), loop, 1e-9)
    values = jax.grad(lambda many: jnp.sum(jax.lax.map(lambda y: solved(MATRIX, y, 1.0), many).value[:, 0]))(many)
    close(values, jnp.stack([jax.grad(lambda y: solved(MATRIX, y, 1.0).value[0])(y) for y in many]), 1e-9)


def test_what_has_not_converged_has_no_derivative_unless_asked_for():
    def value(strength, **options):
        return solved(MATRIX, DATA, strength, max_steps=3, **options).value

    assert solved(MATRIX, DATA, 1.0, max_steps=3).result == rc.Result.exhausted
    assert jnp.isnan(jax.grad(lambda strength: jnp.sum(value(strength)))(1.0))
    assert jnp.all(jnp.isnan(jax.jvp(value, (1.0,), (1.0,))[1]))
    trusting = rc.ImplicitAdjoint(require_convergence=False)
    assert jnp.isfinite(jax.grad(lambda strength: jnp.sum(value(strength, adjoint=trusting)))(1.0))


def test_a_lane_that_fails_harms_no_other():
    def both(strengths, skip):
        def one(strength):
            solution = solved(MATRIX, DATA, strength, max_steps=200)
            good = solution.result == rc.Result.converged
            return jnp.where(good | ~skip, jnp.sum(solution.value), 0)

        return jnp.sum(jax.vmap(one)(strengths))

    strengths = jnp.asarray([20.0, 1e-3])
    gradient = jax.grad(both)(strengths, jnp.asarray(False))
    skipped = jax.grad(both)(strengths, jnp.asarray(True))
    assert jnp.isfinite(gradient[0])
    assert jnp.all(jnp.isfinite(skipped))


def test_only_the_value_has_a_derivative():
    def value(strength):
        return solved(MATRIX, DATA, strength, record=True).value[0]

    gradient = jax.grad(value)(1.0)
    assert jnp.isfinite(gradient) & (gradient != 0)
    for rest in (
        lambda solution: solution.stats["residual"],
        lambda solution: solution.state.x[0],
        lambda solution: solution.history[5, 0],
    ):

        def other(strength, rest=rest):
            return rest(solved(MATRIX, DATA, strength, record=True))

        assert jnp.isnan(jax.grad(other)(1.0))
        assert jnp.isnan(jax.jvp(other, (1.0,), (1.0,))[1])


def test_a_solver_that_declares_nothing_is_refused_by_name():
    def learnt(observations):
        problem = rc.LinearProblem(MATRIX, observations)
        return jnp.sum(rc.solve(problem, rc.solvers.SparseBayesianLearning()).value)

    with pytest.raises(NotImplementedError, match=r"SparseBayesianLearning .*UnrolledAdjoint"):
        jax.grad(learnt)(DATA)


def test_columns_of_zeros_and_of_any_scale():
    matrix = MATRIX * np.exp(np.linspace(-3, 3, 30))
    matrix[:, 7] = 0

    def total(matrix, solver):
        return jnp.sum(rc.solve(rc.LinearProblem(matrix, DATA), solver, max_steps=20_000).value)

    for solver in (rc.solvers.FISTA(penalty=1.0, tolerance=1e-10), rc.solvers.OMP(3)):
        assert jnp.all(jnp.isfinite(jax.grad(total)(matrix, solver)))


def test_equal_columns_have_no_derivative_of_their_own():
    twice = MATRIX.copy()
    twice[:, 1] = twice[:, 0]

    def coefficients(observations):
        return solved(twice, observations, 0.1).value

    assert jnp.all(jnp.isnan(jax.grad(lambda observations: coefficients(observations)[0])(DATA)))


def test_exactly_sparse_data_have_no_derivative_under_basis_pursuit():
    wide, _, _ = data(20, 40, 3)
    exact = wide @ jnp.zeros(40).at[:3].set(jnp.asarray([1.0, -2.0, 1.5]))
    solver = rc.solvers.BasisPursuit(tolerance=1e-10)

    def first(observations):
        return rc.solve(rc.LinearProblem(wide, observations), solver, max_steps=20_000).value[0]

    assert jnp.all(jnp.isnan(jax.grad(first)(exact)))


def test_unrolled_steps_have_the_same_derivatives():
    arguments = MATRIX, DATA, jnp.asarray(1.0)
    expected = jax.grad(loss, argnums=(0, 1, 2))(*arguments)

    def unrolled(*arguments, **options):
        return loss(*arguments, max_steps=1000, adjoint=rc.UnrolledAdjoint(**options))

    assert solved(*arguments, max_steps=1000).result == rc.Result.converged
    found, gradient = jax.value_and_grad(unrolled, argnums=(0, 1, 2))(*arguments)
    assert float(found) == pytest.approx(float(loss(*arguments)), rel=1e-12)
    close(gradient, expected, 1e-6)
    close(jax.grad(lambda strength: unrolled(MATRIX, DATA, strength, checkpoints=5))(1.0), expected[2], 1e-6)
    _, tangent = jax.jvp(lambda strength: unrolled(MATRIX, DATA, strength, mode="forward"), (1.0,), (1.0,))
    close(tangent, expected[2], 1e-6)


def test_unrolled_steps_count_and_judge_as_others_do():
    for strength, tolerance, steps in ((0.5, 1e-2, 500), (1e-3, 1e-3, 500), (1.0, 1e-12, 7)):
        problem, solver = rc.LinearProblem(MATRIX, DATA), rc.solvers.FISTA(penalty=strength, tolerance=tolerance)
        plain = rc.solve(problem, solver, max_steps=steps)
        unrolled = rc.solve(problem, solver, max_steps=steps, adjoint=rc.UnrolledAdjoint())
        assert plain.result == unrolled.result
        assert eqx.tree_equal(plain.stats, unrolled.stats, rtol=1e-12)
        assert eqx.tree_equal(plain.value, unrolled.value, rtol=1e-12, atol=1e-14)


def test_unrolled_histories_have_derivatives():
    def after(strength, steps):
        options = {"record": True, "record_every": 2, "max_steps": 7, "adjoint": rc.UnrolledAdjoint()}
        return solved(MATRIX, DATA, strength, **options).history[steps // 2, 0]

    def alone(strength):
        return solved(MATRIX, DATA, strength, max_steps=4, adjoint=rc.UnrolledAdjoint()).value[0]

    assert float(jax.grad(after)(1.0, 4)) == pytest.approx(float(jax.grad(alone)(1.0)), rel=1e-10)


def memory(adjoint, steps):
    def value(observations):
        return jnp.sum(solved(MATRIX, observations, 1.0, max_steps=steps, adjoint=adjoint).value)

    return jax.jit(jax.grad(value)).lower(DATA).compile().memory_analysis().temp_size_in_bytes


def test_memory_of_the_implicit_adjoint_does_not_grow_with_steps():
    assert memory(rc.ImplicitAdjoint(), 100_000) == memory(rc.ImplicitAdjoint(), 10)
    assert memory(rc.UnrolledAdjoint(), 10_000) > 2 * memory(rc.UnrolledAdjoint(), 10)


def instructions(adjoint):
    problem, solver = rc.LinearProblem(MATRIX, DATA), rc.solvers.FISTA(penalty=1.0)

    def solved(problem, solver, key, steps):
        return run(problem, solver, key, steps, adjoint=adjoint)

    compiled = eqx.filter_jit(solved).lower(problem, solver, jax.random.key(0), jnp.asarray(9)).compile()
    text = re.sub(r"metadata=\{[^}]*\}|/\*.*?\*/|%[\w.-]+", "", compiled.compiled.as_text())
    # Arguments that nothing uses may stay, and shift the places of others.
    text = re.sub(r"index=\d+|\((?:s32|f64|u32|pred|f32)\[.*?\) (?=while|tuple|conditional|call)", "", text)
    lines = [line.strip().removeprefix("ROOT ") for line in text.splitlines() if " = " in line]
    return collections.Counter(line for line in lines if " parameter(" not in line)


def test_a_solve_without_derivatives_has_the_same_instructions():
    plain = instructions(None)
    assert plain.total() > 1000
    assert instructions(rc.ImplicitAdjoint()) == plain


def test_inside_a_measurement_of_a_sweep():
    def cell(samples):
        model = rc.models.SparseRegression(dimension=20, samples=samples, sparsity=2, noise=0.1)
        return model, rc.solvers.FISTA(penalty=0.2)

    def measure(model, truth, problem, solver, state):
        def error(strength):
            tuned = rc.solvers.FISTA(penalty=strength)
            return jnp.sum((rc.solve(problem, tuned, max_steps=2000).value - truth) ** 2)

        return {"slope": jax.grad(error)(jnp.asarray(0.2, truth.dtype))}

    slopes = rc.sweep(cell, {"samples": [15, 18]}, trials=2, measure=measure).frame["slope"]
    assert np.isfinite(slopes).all()
    assert (slopes != 0).all()


def test_the_snippets_of_the_page():
    tuning, ridge = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    matrix, observations, _ = data(noise=1.0)
    scope = {
        "rc": rc,
        "jax": jax,
        "jnp": jnp,
        "AbstractSolver": AbstractSolver,
        "Optimality": Optimality,
        "leaf": leaf,
        "Real": rc.core.Real,
        "by_change": by_change,
        "A_train": matrix[:40],
        "y_train": observations[:40],
        "A_test": matrix[40:],
        "y_test": observations[40:],
    }
    exec(tuning, scope)
    first, _ = scope["slope"](jnp.log(5.0))
    assert scope["loss"] < 0.97 * first
    assert abs(scope["gradient"]) < 1e-6
    exec(ridge, scope)

    def first_coefficient(strength):
        return rc.solve(rc.LinearProblem(MATRIX, DATA), scope["Ridge"](strength), max_steps=5000).value[0]

    gram = MATRIX.T @ MATRIX
    expected = jax.grad(lambda strength: jnp.linalg.solve(gram + strength * jnp.eye(30), MATRIX.T @ DATA)[0])(2.0)
    assert float(jax.grad(first_coefficient)(2.0)) == pytest.approx(float(expected), rel=1e-4)


def test_complex_data_are_differentiated_through_the_steps_alone():
    matrix = jnp.asarray(np.random.default_rng(0).standard_normal((6, 4)) + 0j, jnp.complex64)

    def first(size):
        problem = rc.LinearProblem(matrix, matrix[:, 0] * size)
        return rc.solve(problem, rc.solvers.FISTA(penalty=1e-2), max_steps=200).value[0].real

    with jax.numpy_dtype_promotion("standard"), pytest.raises(NotImplementedError, match="complex data"):
        jax.grad(first)(jnp.ones((), jnp.complex64).real)
