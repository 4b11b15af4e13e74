"""What every listed model and solver promises."""

import os
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating, floating_dtype
from recover.core.model import in_default_precision
from recover.core.results import result_code, result_names
from recover.core.sizes import capacities_of, capacity, with_capacities
from recover.core.solve import run
from recover.sweeps.content import content_digest
from recover.sweeps.lanes import Slots
from recover.sweeps.program import BlockArguments, ProgramSettings, compiled_block_rows, stack
from tests.registry import MODELS, SOLVERS


def each(names):
    """One test per name; those of a name run in one worker, which then compiles what they have in common once."""
    return pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names])


def one_per_model():
    """The first solver listed for each kind of model."""
    first = {}
    for name, case in SOLVERS.items():
        first.setdefault(type(case.model()), name)
    return list(first.values())


models = each(MODELS)
solvers = each(SOLVERS)
# What depends on the loop and the kind of problem more than on the solver; for all solvers with RECOVER_ALL_CONTRACTS=1.
some = list(SOLVERS) if os.environ.get("RECOVER_ALL_CONTRACTS") else one_per_model()
some_solvers = each(some)


def sample(model, key):
    return model.sample(key)


@eqx.filter_jit
def samples(model, keys):
    return jax.vmap(model.sample)(keys)


@eqx.filter_jit
def solve_all(problems, solver, key, steps):
    """The values and verdicts of solves side by side."""

    def solve(problem):
        solution = run(problem, solver, key, steps)
        return solution.value, result_code(solution.result)

    return jax.vmap(solve)(problems)


def is_float(leaf):
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)


def has_bits(leaf, bits):
    """Whether an array, or the parts of a complex one, have so many bits; counts and labels are integers in any precision."""
    return jnp.issubdtype(leaf.dtype, jnp.integer) or jnp.finfo(leaf.dtype).bits == bits


ROWS = ("samples", "sensors", "snapshots", "patterns", "pilots", "channels")
MODES = ("samples_0", "samples_1", "samples_2")
# Observations that are means over rows have no entry per row: a larger capacity leaves all of them as they are.
AVERAGED = ("jump_surface", "shutdown_map")


# Nodes per unit of a tree of communities: they are rows and columns of the data at once.
NODES = ("size",)


def room(model, extra):
    """By how much every size that counts rows of the data may grow; less where all combinations of rows are data."""
    few = min(extra, 2)
    return {
        name: few if name in MODES + NODES else extra
        for name, _ in getattr(model, "capacities", ())
        if name in ROWS + MODES + NODES
    }


def growth_of_axes(model, extra):
    """By how much every axis of the data grows that a size counts, in ascending order."""
    growth = []
    for name, more in room(model, extra).items():
        growth += 2 * [more * model.units] if name in NODES else [more]
    return sorted(growth)


def widened(model, extra):
    """The model with room for more of every size that counts rows of the data; itself where nothing does."""
    if not capacities_of(model):
        return model
    sizes = {name: capacity(model, name) + more for name, more in room(model, extra).items()}
    return with_capacities(model, {**capacities_of(model), **sizes})


def trimmed(tree, like):
    """The tree cut to the shapes of another; what is cut off must be zero."""

    def cut(leaf, other):
        kept = leaf[tuple(slice(size) for size in jnp.shape(other))]
        assert jnp.count_nonzero(kept) == jnp.count_nonzero(leaf)
        return kept

    return jtu.tree_map(cut, tree, like)


def entry(tree, index):
    """One element of a batch of trees."""
    return jtu.tree_map(lambda leaf: leaf[index], tree)


def same(first, second):
    """Whether two trees are equal, bit for bit."""
    jtu.tree_map(np.testing.assert_array_equal, first, second)


def assert_close(first, second, tolerance=1e-4):
    for one, other in zip(jtu.tree_leaves(first), jtu.tree_leaves(second), strict=True):
        if is_float(one):
            scale = float(jnp.max(jnp.abs(one))) or 1.0
            np.testing.assert_allclose(one, other, atol=tolerance * scale, rtol=tolerance)


# Models ---------------------------------------------------------------------------------------------------------------


@models
def test_truth_has_no_error(name, getkey):
    model = MODELS[name]()
    _, truth = sample(model, getkey())
    assert model.error(truth, truth) == 0
    assert all(jnp.shape(value) == () for value in model.metrics(truth, truth).values())


@models
def test_model_under_jit_is_the_model(name):
    model, key = in_default_precision(MODELS[name]()), jax.random.key(3)
    key_design, key_observe = jax.random.split(key)
    assert_close(model.observe(key_observe, model.design(key_design)), model.sample(key))


@models
def test_model_under_vmap_is_the_model(name):
    model = MODELS[name]()
    keys = jax.random.split(jax.random.key(4), 3)
    batch = samples(model, keys)
    for i in range(3):
        assert_close(entry(batch, i), sample(model, keys[i]))


@models
def test_a_larger_capacity_only_adds_zero_rows(name):
    model, key = MODELS[name](), jax.random.key(5)
    problem, truth = sample(model, key)
    padded, same_truth = sample(widened(model, 12), key)
    if isinstance(truth, jax.Array):
        np.testing.assert_array_equal(truth, same_truth)
    # A truth with entries per row is padded itself, and may be normalised by a sum whose order the padding changes.
    assert_close(truth, trimmed(same_truth, truth), 1e-6)
    rows = problem.observations.shape[0]
    # An axis that no capacity measures keeps its size.
    growth = np.subtract(padded.observations.shape, problem.observations.shape)
    expected = [] if name in AVERAGED else growth_of_axes(model, 12)
    assert sorted(growth) == [0] * (len(growth) - len(expected)) + expected
    np.testing.assert_allclose(trimmed(padded.observations, problem.observations), problem.observations, atol=1e-5)
    if padded.observations.ndim > 1 or name in AVERAGED:
        # Rows of the operator are shared with lanes that use them; the problem masks what it does not.
        return
    matrix = padded.operator.as_matrix()
    np.testing.assert_allclose(matrix[:rows], problem.operator.as_matrix(), atol=1e-5)
    assert not np.any(matrix[rows:])


@models
def test_instance_does_not_depend_on_the_precision(name):
    key_data = jax.random.key_data(jax.random.key(6))
    problem, truth = sample(MODELS[name](), jax.random.wrap_key_data(key_data))
    with jax.enable_x64(True):
        double, double_truth = sample(MODELS[name](), jax.random.wrap_key_data(key_data))
        assert all(has_bits(leaf, 64) for leaf in jtu.tree_leaves((double.observations, double_truth)))
        jtu.tree_map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6), truth, double_truth
        )
        np.testing.assert_allclose(problem.observations, double.observations, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("sparse_regression")])
def test_design_columns_have_unit_norm_on_average(name):
    model = MODELS[name]()
    keys = jax.random.split(jax.random.key(7), 20)

    @jax.jit
    @jax.vmap
    def squared_norm(key):
        return jnp.sum(model.sample(key)[0].operator.as_matrix() ** 2) / model.dimension

    squares = squared_norm(keys)
    spread = float(jnp.std(squares)) / np.sqrt(20)
    assert abs(float(jnp.mean(squares)) - 1) < 4 * spread + 1e-4


@models
def test_content_names_the_model_not_its_padding(name):
    model = MODELS[name]()
    assert content_digest(model) == content_digest(MODELS[name]())
    assert content_digest(model) == content_digest(widened(model, 24))
    first, *others = jtu.tree_leaves(model)
    changed = jtu.tree_unflatten(jtu.tree_structure(model), [first + np.ones_like(first), *others])
    assert content_digest(model) != content_digest(changed)


# Solvers --------------------------------------------------------------------------------------------------------------


def instance(case, seed=0):
    model = case.model()
    problem, truth = sample(model, jax.random.key(seed))
    return model, problem, truth


@solvers
def test_solver_succeeds_where_it_should(name):
    case = SOLVERS[name]
    model, problem, truth = instance(case)
    solution = rc.solve(problem, case.solver(), max_steps=case.max_steps)
    assert float(model.error(truth, solution.value)) < case.error, solution.result
    assert all(has_bits(leaf, 32) for leaf in jtu.tree_leaves(solution.value))
    assert 0 < solution.stats["steps"] <= case.max_steps


@some_solvers
def test_solver_under_jit_is_the_solver(name):
    case = SOLVERS[name]
    _, problem, _ = instance(case)
    solver = cast_floating(case.solver(), floating_dtype(problem))
    state = eager = solver.init(problem, jax.random.key(1))
    step = eqx.filter_jit(type(solver).step)
    for _ in range(3):
        eager, state = solver.step(problem, eager), step(solver, problem, state)
    assert_close(solver.estimate(problem, eager), solver.estimate(problem, state))


@solvers
def test_state_keeps_its_shapes_dtypes_and_weak_types(name):
    case = SOLVERS[name]
    _, problem, _ = instance(case)
    solver = cast_floating(case.solver(), floating_dtype(problem))
    init = eqx.filter_eval_shape(solver.init, problem, jax.random.key(1))
    after = eqx.filter_eval_shape(lambda p, k: solver.step(p, solver.init(p, k)), problem, jax.random.key(1))
    assert jtu.tree_structure(init) == jtu.tree_structure(after)
    for before, later in zip(jtu.tree_leaves(init), jtu.tree_leaves(after), strict=True):
        assert (before.shape, before.dtype, before.weak_type) == (later.shape, later.dtype, later.weak_type)
        assert not before.weak_type
        assert before.dtype != jnp.float64


@some_solvers
def test_solver_under_vmap_is_the_solver(name):
    case = SOLVERS[name]
    problems, _ = samples(case.model(), jax.random.split(jax.random.key(2), 3))
    solver, key = case.solver(), jax.random.key(1)
    batch, _ = solve_all(problems, solver, key, jnp.asarray(8, jnp.int32))
    for i in range(3):
        assert_close(entry(batch, i), rc.solve(entry(problems, i), solver, key=key, max_steps=8).value, 2e-3)


@solvers
def test_padding_changes_nothing(name):
    case = SOLVERS[name]
    model, key = case.model(), jax.random.key(8)
    problem, _ = sample(model, key)
    padded, _ = sample(widened(model, 24), key)
    solver = case.solver()
    plain = rc.solve(problem, solver, max_steps=8)
    wide = rc.solve(padded, solver, max_steps=8)
    assert_close(plain.value, trimmed(wide.value, plain.value), 2e-3)


@solvers
def test_a_lane_that_is_not_a_number_diverges_alone(name):
    case = SOLVERS[name]
    problems, _ = samples(case.model(), jax.random.split(jax.random.key(2), 3))
    poisoned = eqx.tree_at(lambda p: p.observations, problems, problems.observations.at[1, 0].set(jnp.nan))
    solver, key, steps = case.solver(), jax.random.key(1), jnp.asarray(12, jnp.int32)
    healthy, _ = solve_all(problems, solver, key, steps)
    values, codes = solve_all(poisoned, solver, key, steps)
    assert result_names(codes)[1] == "diverged"
    assert "diverged" not in result_names(codes)[[0, 2]]
    same(entry(values, jnp.asarray([0, 2])), entry(healthy, jnp.asarray([0, 2])))


@some_solvers
def test_solver_works_in_double_precision(name):
    case = SOLVERS[name]
    with jax.enable_x64(True):
        model, problem, truth = instance(case)
        solution = rc.solve(problem, case.solver(), max_steps=case.max_steps)
        assert all(has_bits(leaf, 64) for leaf in jtu.tree_leaves(solution.value))
        assert float(model.error(truth, solution.value)) < case.error


@solvers
def test_solver_can_be_pickled_and_named_by_content(name):
    solver = SOLVERS[name].solver()
    again = pickle.loads(pickle.dumps(solver))
    assert content_digest(solver) == content_digest(again)


@solvers
def test_numeric_hyperparameters_are_traced(name):
    solver = SOLVERS[name].solver()
    static = jtu.tree_structure(solver)
    assert "0." not in str(static), f"a number is static in {static}"
    assert all(hasattr(leaf, "dtype") for leaf in jtu.tree_leaves(solver))


# What a solver adds to a program does not depend on how its lanes are laid out, so one layout serves for most of them.
@pytest.mark.parametrize(
    ("name", "share", "slots"),
    [*((name, "trial", Slots.of(2)) for name in some), ("AMP", "none", None), ("AMP", "trial", None)],
)
def test_sweep_program_lowers_for_every_platform(name, share, slots):
    case = SOLVERS[name]
    model, solver = case.model(), case.solver()
    settings = ProgramSettings(share=share, slots=slots, width=2)
    keys, counts = np.zeros((2, 2, 3, 2), np.uint32), np.full((1, 2), 2, np.int32)
    steps = np.asarray(5, np.int32)
    block = BlockArguments(stack([model, model]), stack([solver, solver]), keys[:, 0, 0], keys, counts, steps)

    def program(block):
        return compiled_block_rows(block, settings, True, tuple(jax.local_devices()[:1]))

    exported = jax.export.export(jax.jit(program), platforms=("cpu", "cuda", "tpu"))(block)
    assert exported.platforms == ("cpu", "cuda", "tpu")
