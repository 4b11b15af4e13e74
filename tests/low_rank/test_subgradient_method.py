"""The sub-gradient method and its relatives against a NumPy loop, invariances and theory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating
from recover.core.model import in_default_precision
from recover.initialisers import (
    IdentityFactors,
    PlantedFactors,
    RandomFactors,
    SignSpectralFactors,
    TruncatedSpectralFactors,
)
from recover.low_rank.steps import (
    ChosenStep,
    LossStep,
    MedianStep,
    PolyakStep,
    ScheduledStep,
    geometric,
    harmonic,
    square_root,
)
from recover.solvers import FactoredGradientDescent, ScaledGD, SubgradientMethod
from tests.compiled import compiled

MatrixSensing = rc.models.MatrixSensing
RULES = {
    "constant": (ScheduledStep(0.05), lambda t, r, g, s: 0.05),
    "geometric": (geometric(0.3, 0.9), lambda t, r, g, s: 0.3 * 0.9**t),
    "harmonic": (harmonic(0.3, 0.1), lambda t, r, g, s: 0.3 / (1 + 0.1 * t)),
    "square_root": (square_root(0.3), lambda t, r, g, s: 0.3 / np.sqrt(1 + t)),
    "loss": (LossStep(0.2), lambda t, r, g, s: 0.2 * np.mean(np.abs(r))),
    "median": (MedianStep(0.2), lambda t, r, g, s: 0.2 * np.sort(np.abs(r))[len(r) // 2]),
    "polyak": (PolyakStep(), lambda t, r, g, s: (np.mean(np.abs(r)) - np.mean(np.abs(s))) / np.sum(g**2)),
}


CHOICES = ("constant", "loss", "median", "polyak")
RULES |= {
    f"chosen {name}": (ChosenStep(number, tuple(RULES[each][0] for each in CHOICES)), RULES[name][1])
    for number, name in enumerate(CHOICES)
}


def data(samples=120, dimension=6, rank=2, corruption=0.2, seed=0):
    generator = np.random.default_rng(seed)
    basis = np.linalg.qr(generator.standard_normal((dimension, rank)))[0]
    stack = generator.standard_normal((samples, dimension, dimension))
    s = 10 * generator.standard_normal(samples) * (generator.uniform(size=samples) < corruption)
    truth = basis @ basis.T
    return stack, np.einsum("mij,ij->m", stack, truth) + s, s, truth


def reference(stack, y, s, rule, steps, scale, rank, squared=False):
    """The iteration, from the sign spectrum, as one writes it down."""
    symmetric = (stack + stack.transpose(0, 2, 1)) / 2
    values, vectors = np.linalg.eigh(np.einsum("m,mij->ij", np.sign(y), symmetric) / len(y))
    factor = scale * (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :rank]
    for t in range(steps):
        residual = np.einsum("mij,ij->m", stack, factor @ factor.T) - y
        weight = residual if squared else np.sign(residual)
        gradient = 2 * np.einsum("m,mij->ij", weight, symmetric) @ factor / len(y)
        factor = factor - rule(t, residual, gradient, s) * gradient
    return factor @ factor.T


@pytest.mark.parametrize("name", RULES)
def test_iteration_is_that_of_numpy(name):
    stack, y, s, _ = data()
    rule, sizes = RULES[name]
    with jax.enable_x64(True):
        problem = rc.MatrixSensingProblem(stack, y, loss_at_truth=np.mean(np.abs(s)))
        solver = SubgradientMethod(4, 0.3, rule, tolerance=-1.0, patience=0)
        value = rc.solve(problem, solver, max_steps=12).value
        np.testing.assert_allclose(value, reference(stack, y, s, sizes, 12, 0.3, 4), atol=1e-9)


def test_gradient_descent_is_that_of_numpy():
    stack, y, s, _ = data(corruption=0.0)
    with jax.enable_x64(True):
        problem = rc.MatrixSensingProblem(stack, y)
        solver = FactoredGradientDescent(3, 0.3, 0.1, tolerance=-1.0, patience=0)
        value = rc.solve(problem, solver, max_steps=12).value
        expected = reference(stack, y, s, lambda *_: 0.1, 12, 0.3, 3, squared=True)
        np.testing.assert_allclose(value, expected, atol=1e-9)


@pytest.mark.parametrize("symmetric", [True, False])
def test_direction_is_the_gradient_of_the_loss(symmetric):
    model = MatrixSensing(5, 2, 40, corruption=0.2, columns=None if symmetric else 4)
    with jax.enable_x64(True):
        problem, _ = model.sample(jax.random.key(0))
        factors = compiled(RandomFactors(), problem, jax.random.key(1), 3)
        for solver in (SubgradientMethod(), FactoredGradientDescent()):
            solver = cast_floating(solver, jnp.float64)

            def loss(factors, solver=solver):
                return solver.loss(problem, problem.residual(factors.matrix()))

            def directions(factors, loss=loss):
                expected, slope = jax.grad(loss, has_aux=True)(factors)
                return expected, factors.pull_back(-problem.adjoint(slope))

            expected, found = compiled(directions, factors)
            np.testing.assert_allclose(found.left, expected.left, atol=1e-12)
            if not symmetric:
                np.testing.assert_allclose(found.right, expected.right, atol=1e-12)


def test_headline_single_precision():
    model = MatrixSensing(dimension=20, rank=3, samples=1000, corruption=0.1)
    problem, truth = model.sample(jax.random.key(0))
    solution = rc.solve(problem, SubgradientMethod(20, initial_scale=1e-6), max_steps=1500)
    assert compiled(model.error, truth, solution.value) < 1e-6
    descent = rc.solve(problem, FactoredGradientDescent(20, initial_scale=1e-6, step=0.02), max_steps=1500)
    assert compiled(model.error, truth, descent.value) > 0.5


def test_columns_beyond_the_search_rank_stay_zero_and_width_does_not_matter():
    problem, _ = MatrixSensing(8, 2, 100, corruption=0.1).sample(jax.random.key(0))
    narrow = SubgradientMethod(3, 0.1, tolerance=-1.0, patience=0)
    wide = eqx.tree_at(lambda s: s.rank, SubgradientMethod(7, 0.1, tolerance=-1.0, patience=0), np.int32(3))
    first, second = (rc.solve(problem, solver, max_steps=20) for solver in (narrow, wide))
    assert second.state.factors.left.shape == (8, 7)
    assert not np.any(second.state.factors.left[:, 3:])
    np.testing.assert_allclose(first.value, second.value, atol=1e-5)


STARTS = (SignSpectralFactors(), TruncatedSpectralFactors(), RandomFactors(), IdentityFactors())


@pytest.mark.parametrize("start", STARTS, ids=lambda start: type(start).__name__)
def test_every_small_start_recovers(start):
    model = MatrixSensing(10, 2, 300, corruption=0.1)
    problem, truth = model.sample(jax.random.key(1))
    solution = rc.solve(problem, SubgradientMethod(initial_scale=1e-5, start=start), max_steps=600)
    assert compiled(model.error, truth, solution.value) < 1e-4


def test_planted_start_is_at_the_given_distance():
    model = MatrixSensing(10, 2, 100)
    problem, truth = model.sample(jax.random.key(1))
    exact = compiled(PlantedFactors(truth), problem, jax.random.key(0), 4)
    np.testing.assert_allclose(exact.matrix(), truth, atol=1e-5)
    moved = compiled(PlantedFactors(truth, 0.7), problem, jax.random.key(0), 4)
    np.testing.assert_allclose(jnp.sqrt(jnp.sum((moved.left - exact.left) ** 2)), 0.7, rtol=1e-4)


def test_an_asymmetric_matrix_is_recovered():
    model = MatrixSensing(12, 2, 500, corruption=0.1, columns=9)
    problem, truth = model.sample(jax.random.key(2))
    solution = rc.solve(problem, SubgradientMethod(initial_scale=1e-4), max_steps=1500)
    assert compiled(model.error, truth, solution.value) < 1e-4


def test_preconditioning_removes_the_condition_number():
    errors = {}
    for kappa in (1.0, 30.0):
        model = MatrixSensing(10, 2, 300, condition_number=kappa)
        problem, truth = model.sample(jax.random.key(3))
        for kind in (ScaledGD, FactoredGradientDescent):
            solver = kind(2, initial_scale=1.0, step=0.25, start=TruncatedSpectralFactors())
            errors[kind, kappa] = float(compiled(model.error, truth, rc.solve(problem, solver, max_steps=60).value))
    assert errors[ScaledGD, 30.0] < 1e-4
    assert errors[FactoredGradientDescent, 30.0] > 100 * errors[ScaledGD, 30.0]


def test_growth_and_escape_follow_theory():
    p, alpha, eta = 0.2, 1e-6, 0.05
    model = MatrixSensing(20, 3, 2000, corruption=p)
    problem, _ = model.sample(jax.random.key(4))
    scale = rc.theory.sign_scale(np.sqrt(3), p, 10.0)
    predicted = float(rc.theory.subgradient_growth(30 * eta, 1.0, np.sqrt(3), scale))
    solver = SubgradientMethod(20, alpha, eta, tolerance=-1.0, patience=0)
    history = rc.solve(problem, solver, max_steps=30, record=True, record_every=30).history
    values = np.linalg.eigvalsh(np.asarray(history, np.float64))[:, ::-1]
    growth = 0.5 * np.log(values[1, :3] / values[0, :3]).mean()
    assert abs(growth / predicted - 1) < 0.1
    # log(1 + x) < x: the exact number of steps exceeds the one from the sum of steps.
    steps = float(rc.theory.escape_steps(alpha, eta, 1.0, np.sqrt(3), scale))
    assert 30 * np.log(1 / alpha) / predicted < steps < 1.1 * 30 * np.log(1 / alpha) / predicted


def test_all_lanes_share_one_product_with_the_design():
    """Under a shared design both products of a step contract the design with all lanes at once: no batch axis."""
    dimension, samples, lanes = 6, 50, 7
    model = MatrixSensing(dimension, 2, samples)
    model = in_default_precision(model)
    design = model.design(jax.random.key(0))
    solver = cast_floating(SubgradientMethod(step=0.1), jnp.float32)

    def step(problem, factors):
        state = eqx.tree_at(lambda s: s.factors.left, solver.init(problem, jax.random.key(0)), factors)
        return solver.step(problem, state).factors.left

    problem, _ = model.observe(jax.random.key(1), design)
    batch = jnp.ones((lanes, dimension, dimension))
    masks = jnp.ones((lanes, samples))

    def lane(mask, factors):
        masked = eqx.tree_at(lambda p: p.operator.operator1.diagonal, problem, mask)
        return step(masked, factors)

    jaxpr = jax.make_jaxpr(jax.vmap(lane))(masks, batch)
    products = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "dot_general"]
    with_design = [e for e in products if any(sorted(v.aval.shape) == sorted(design.shape) for v in e.invars)]
    assert len(with_design) >= 2
    for equation in with_design:
        assert equation.params["dimension_numbers"][1] == ((), ())
        assert sorted(sum((v.aval.shape for v in equation.invars), ())).count(lanes) == 1


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: SubgradientMethod(0), ["SubgradientMethod", "rank", "0"]),
        (lambda: SubgradientMethod(initial_scale=-1.0), ["SubgradientMethod", "initial_scale", "-1.0"]),
        (lambda: ScaledGD(ridge=-1), ["ScaledGD", "ridge", "-1"]),
        (lambda: geometric(0.3, 1.5), ["ScheduledStep", "ratio", "1.5"]),
        (lambda: MedianStep(0.0), ["MedianStep", "factor", "0.0"]),
        (lambda: TruncatedSpectralFactors(-1.0), ["TruncatedSpectralFactors", "threshold", "-1.0"]),
    ],
)
def test_bad_input_is_named(make, named):
    with pytest.raises(ValueError, match=named[0]) as raised:
        make()
    assert all(word in str(raised.value) for word in named)


def test_the_old_name_of_the_ridge_still_works():
    with pytest.warns(DeprecationWarning, match="ScaledGD: `damping` is now `ridge`"):
        solver = ScaledGD(2, damping=0.5)
    assert float(solver.ridge) == 0.5


def test_what_only_the_problem_can_refuse():
    stack, y, _, _ = data(samples=20)
    problem = rc.MatrixSensingProblem(stack, y)
    with pytest.raises(ValueError, match="loss_at_truth"):
        rc.solve(problem, SubgradientMethod(step=PolyakStep()))
    with pytest.raises(ValueError, match="1 to 6"):
        rc.solve(problem, SubgradientMethod(7))


@pytest.mark.parametrize("scale", [1.0, 1e-6])
@pytest.mark.parametrize(("dimension", "rank", "samples"), [(8, 2, 120), (30, 1, 300)])
def test_quadratic_forms_are_measured_in_units_of_their_own(dimension, rank, samples, scale):
    """Of a positive semidefinite matrix they all have one sign, and are larger than Gaussian observations."""
    model = rc.models.MatrixSensing(dimension, rank, samples, measurements="rank_one")
    problem, truth = model.sample(jax.random.key(0))
    posed = eqx.tree_at(lambda p: p.observations, problem, problem.observations * scale)
    assert bool(posed.one_sided)
    for solver, most in (
        (rc.solvers.ScaledGD(rank=rank), 1e-5),
        (rc.solvers.FactoredGradientDescent(), 0.02),
        (rc.solvers.SubgradientMethod(), 0.02),
    ):
        solution = rc.solve(posed, solver, max_steps=1500)
        assert float(model.error(truth, solution.value / scale)) < most
        assert not bool(solution.result == rc.Result.diverged)


def test_gaussian_observations_and_few_of_one_sign_are_not_taken_for_quadratic_forms():
    problem, _ = rc.models.MatrixSensing(8, 2, 40).sample(jax.random.key(0))
    assert not bool(problem.one_sided)
    positive = eqx.tree_at(lambda p: p.observations, problem, jnp.abs(problem.observations))
    assert not bool(positive.one_sided)
    entries = rc.problems.MatrixSensingProblem.of_entries(np.ones((12, 12)), np.ones((12, 12), bool), symmetric=True)
    assert not entries.holds_forms
