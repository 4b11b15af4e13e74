"""What every listed model and solver promises.

Two compiled programs answer most of it: one for a batch of lanes with room for more rows of data, and one for an instance
alone at its own size.
"""

import dataclasses
import functools
import os
import pickle
from typing import Any

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

ALL = bool(os.environ.get("RECOVER_ALL_CONTRACTS"))


def group(name):
    """Solvers of one model run in one worker, which then compiles once what draws it."""
    return f"contract-{type(SOLVERS[name].model()).__name__}" if name in SOLVERS else f"contract-{name}"


def each(names):
    """One test per name."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(group(name))) for name in names]


@functools.cache
def depends_on(name=None, drawn=None, answers=None):
    """The classes of a listed model and solver, besides how they are listed."""
    listed = name or drawn or answers
    if listed in SOLVERS:
        return [SOLVERS[listed].model(), SOLVERS[listed].solver()]
    return [MODELS[listed]()] if listed else None


def one_per_model():
    """The first solver listed for each kind of model."""
    first = {}
    for name, case in SOLVERS.items():
        first.setdefault(type(case.model()), name)
    return list(first.values())


@functools.cache
def one_per_class():
    """The first instance listed of each class of models."""
    return set({type(model()).__name__: name for name, model in reversed(MODELS.items())}.values())


solvers = pytest.mark.parametrize("name", each(SOLVERS))
# What depends on the loop and the kind of problem more than on the solver; for all solvers with RECOVER_ALL_CONTRACTS=1.
some = list(SOLVERS) if ALL else one_per_model()
some_solvers = pytest.mark.parametrize("name", each(some))
# What depends on the compiler more than on the module.
few_models = pytest.mark.parametrize("name", each(MODELS if ALL else ["sparse_regression", "hierarchical_sbm"]))
few_solvers = pytest.mark.parametrize("name", each(SOLVERS if ALL else ["AMP", "BottomUp"]))


def arrays(tree):
    """The tree in NumPy, so that looking at it compiles nothing."""
    return jtu.tree_map(
        lambda leaf: leaf if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else np.asarray(leaf), tree
    )


def keys_of(*seeds):
    return jax.random.wrap_key_data(np.stack([jax.random.key_data(jax.random.key(seed)) for seed in seeds]))


@eqx.filter_jit
def samples(model, keys):
    return jax.vmap(model.sample)(keys)


@eqx.filter_jit
def dense(operator):
    return operator.as_matrix()


@eqx.filter_jit
def drawn_again(problem):
    return problem.observations


def observations_of(problem):
    """The observations of a problem; by one program where they are not stored but drawn."""
    return np.asarray(problem.observations if "observations" in vars(problem) else drawn_again(problem))


@eqx.filter_jit
def scores(model, truth, estimate):
    return model.error(truth, estimate), model.metrics(truth, estimate)


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


ROWS = ("samples", "actions", "tasks", "sensors", "snapshots", "patterns", "pilots", "channels")
MODES = ("samples_0", "samples_1", "samples_2")
# Observations that are means over rows have no entry per row: a larger capacity leaves all of them as they are.
AVERAGED = ("jump_surface", "shutdown_map", "spiked_covariance")


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
        kept = np.asarray(leaf)[tuple(slice(size) for size in np.shape(other))]
        assert np.count_nonzero(kept) == np.count_nonzero(leaf)
        return kept

    return jtu.tree_map(cut, tree, like)


def entry(tree, index):
    """One element of a batch of trees."""
    return jtu.tree_map(lambda leaf: leaf[index], tree)


def value_of(leaf):
    """A leaf that NumPy can compare: of a key, its words."""
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def same(first, second):
    """Whether two trees are equal, bit for bit."""
    jtu.tree_map(np.testing.assert_array_equal, first, second)


def assert_close(first, second, tolerance=1e-4):
    for one, other in zip(jtu.tree_leaves(first), jtu.tree_leaves(second), strict=True):
        if is_float(one):
            scale = float(np.max(np.abs(one))) or 1.0
            np.testing.assert_allclose(one, other, atol=tolerance * scale, rtol=tolerance)


# Models ---------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Instances of a model: one alone at its own size, and three in a batch with more room, of which the third is the first."""

    name: str
    model: Any
    problem: Any
    truth: Any
    wide_problems: Any
    wide_truths: Any


@pytest.fixture(scope="module", params=each(MODELS))
def drawn(request):
    model = MODELS[request.param]()
    alone = model.sample(jax.random.key(5))
    batch = samples(widened(model, 12), keys_of(5, 6, 5))
    return Drawn(request.param, model, *arrays(alone), *arrays(batch))


def test_truth_has_no_error(drawn):
    error, metrics = scores(drawn.model, drawn.truth, drawn.truth)
    assert error == 0
    assert all(jnp.shape(value) == () for value in metrics.values())


def test_a_lane_does_not_depend_on_its_place(drawn):
    batch = jtu.tree_map(value_of, (drawn.wide_problems, drawn.wide_truths))
    same(entry(batch, 0), entry(batch, 2))


def test_a_larger_capacity_only_adds_zero_rows(drawn):
    """In a batch, too."""
    model, problem, truth = drawn.model, drawn.problem, drawn.truth
    padded, same_truth = entry(drawn.wide_problems, 0), entry(drawn.wide_truths, 0)
    if isinstance(truth, np.ndarray):
        np.testing.assert_array_equal(truth, same_truth)
    # A truth with entries per row is padded itself, and may be normalised by a sum whose order the padding changes.
    assert_close(truth, trimmed(same_truth, truth), 1e-6)
    observations, padded_observations = observations_of(problem), observations_of(padded)
    # An axis that no capacity measures keeps its size.
    growth = np.subtract(padded_observations.shape, observations.shape)
    expected = [] if drawn.name in AVERAGED else growth_of_axes(model, 12)
    assert sorted(growth) == [0] * (len(growth) - len(expected)) + expected
    np.testing.assert_allclose(trimmed(padded_observations, observations), observations, atol=1e-5)
    if observations.ndim > 1 or drawn.name in AVERAGED or not hasattr(padded, "operator"):
        # Rows of the operator are shared with lanes that use them; the problem masks what it does not. Averages have no rows.
        return
    rows, matrix = len(observations), np.asarray(dense(padded.operator))
    np.testing.assert_allclose(matrix[:rows], dense(problem.operator), atol=1e-5)
    assert not np.any(matrix[rows:])


@few_models
def test_model_under_jit_is_the_model(name):
    model, key = in_default_precision(MODELS[name]()), jax.random.key(3)
    key_design, key_observe = jax.random.split(key)
    assert_close(model.observe(key_observe, model.design(key_design)), model.sample(key))


def test_instance_does_not_depend_on_the_precision(drawn):
    if not ALL and drawn.name not in one_per_class():
        pytest.skip("one instance of each class of models; all with FULL=1")
    key_data = jax.random.key_data(jax.random.key(5))
    with jax.enable_x64(True):
        double, double_truth = MODELS[drawn.name]().sample(jax.random.wrap_key_data(key_data))
        observations = observations_of(double)
        assert all(has_bits(leaf, 64) for leaf in jtu.tree_leaves((observations, double_truth)))
        jtu.tree_map(
            lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6), drawn.truth, double_truth
        )
        np.testing.assert_allclose(observations_of(drawn.problem), observations, atol=1e-4)


@pytest.mark.parametrize("name", each(name for name in MODELS if name.startswith("sparse_regression")))
def test_design_columns_have_unit_norm_on_average(name):
    model = MODELS[name]()
    keys = jax.random.split(jax.random.key(7), 20)

    @jax.jit
    @jax.vmap
    def squared_norm(key):
        return jnp.sum(model.sample(key)[0].operator.as_matrix() ** 2) / model.dimension

    squares = squared_norm(keys)
    spread = float(np.std(squares)) / np.sqrt(20)
    assert abs(float(np.mean(squares)) - 1) < 4 * spread + 1e-4


@pytest.mark.parametrize("name", each(MODELS))
def test_content_names_the_model_not_its_padding(name):
    model = MODELS[name]()
    assert content_digest(model) == content_digest(MODELS[name]())
    assert content_digest(model) == content_digest(widened(model, 24))
    first, *others = jtu.tree_leaves(model)
    changed = jtu.tree_unflatten(jtu.tree_structure(model), [first + np.ones_like(first), *others])
    assert content_digest(model) != content_digest(changed)


# Solvers --------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a solver makes of two instances: alone, and in lanes {one, other, poisoned, one again} with more room.

    The lanes are solved for few steps, and for some more with and without the poison.
    """

    case: Any
    solution: Any
    error: float
    few: tuple
    lanes: Any
    healthy: tuple
    poisoned: tuple


FEW, MORE = 8, 12
POISONED = 2


@pytest.fixture(scope="module", params=each(SOLVERS))
def answers(request):
    case = SOLVERS[request.param]
    model, solver, key = case.model(), case.solver(), jax.random.key(0)
    alone = [model.sample(jax.random.key(seed)) for seed in (0, 2)]
    solution = rc.solve(alone[0][0], solver, max_steps=case.max_steps)
    error, _ = scores(model, alone[0][1], solution.value)
    few = tuple(arrays(rc.solve(problem, solver, max_steps=FEW).value) for problem, _ in alone)
    problems, _ = samples(widened(model, 24), keys_of(0, 2, 3, 0))
    observations = np.array(problems.observations)
    observations[POISONED, 0] = np.nan
    poisoned = eqx.tree_at(lambda problem: problem.observations, problems, observations)
    lanes, _ = solve_all(problems, solver, key, np.asarray(FEW, np.int32))
    runs = [arrays(solve_all(each, solver, key, np.asarray(MORE, np.int32))) for each in (problems, poisoned)]
    return Answers(case, solution, float(error), few, arrays(lanes), *runs)


def test_solver_succeeds_where_it_should(answers):
    assert answers.error < answers.case.error, answers.solution.result
    assert all(has_bits(leaf, 32) for leaf in jtu.tree_leaves(answers.solution.value))
    assert 0 < answers.solution.stats["steps"] <= answers.case.max_steps


def test_neither_padding_nor_a_batch_changes_anything(answers):
    for lane, alone in enumerate(answers.few):
        assert_close(alone, trimmed(entry(answers.lanes, lane), alone), 2e-3)


def test_a_lane_does_not_depend_on_its_place_or_its_neighbours(answers):
    same(entry(answers.lanes, 0), entry(answers.lanes, 3))


def test_a_lane_that_is_not_a_number_diverges_alone(answers):
    healthy, _ = answers.healthy
    values, codes = answers.poisoned
    names = result_names(codes)
    assert names[POISONED] == "diverged"
    others = np.arange(len(names)) != POISONED
    assert "diverged" not in names[others]
    same(entry(values, others), entry(healthy, others))


@few_solvers
def test_solver_under_jit_is_the_solver(name):
    case = SOLVERS[name]
    problem, _ = case.model().sample(jax.random.key(0))
    solver = cast_floating(case.solver(), floating_dtype(problem))
    state = eager = solver.init(problem, jax.random.key(1))
    step = eqx.filter_jit(type(solver).step)
    for _ in range(3):
        eager, state = solver.step(problem, eager), step(solver, problem, state)
    assert_close(solver.estimate(problem, eager), solver.estimate(problem, state))


@solvers
def test_state_keeps_its_shapes_dtypes_and_weak_types(name):
    case = SOLVERS[name]
    problem, _ = eqx.filter_eval_shape(case.model().sample, jax.random.key(0))
    solver = cast_floating(case.solver(), floating_dtype(problem))
    init = eqx.filter_eval_shape(solver.init, problem, jax.random.key(1))
    after = eqx.filter_eval_shape(solver.step, problem, init)
    assert jtu.tree_structure(init) == jtu.tree_structure(after)
    for before, later in zip(jtu.tree_leaves(init), jtu.tree_leaves(after), strict=True):
        assert (before.shape, before.dtype, before.weak_type) == (later.shape, later.dtype, later.weak_type)
        assert not before.weak_type
        assert before.dtype != jnp.float64


@some_solvers
def test_solver_works_in_double_precision(name):
    case = SOLVERS[name]
    with jax.enable_x64(True):
        model = case.model()
        problem, truth = model.sample(jax.random.key(0))
        solution = rc.solve(problem, case.solver(), max_steps=case.max_steps)
        assert all(has_bits(leaf, 64) for leaf in jtu.tree_leaves(solution.value))
        assert float(scores(model, truth, solution.value)[0]) < case.error


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
    [
        *(pytest.param(name, "trial", Slots.of(2), marks=pytest.mark.xdist_group(group(name))) for name in some),
        *(pytest.param("AMP", share, None, marks=pytest.mark.xdist_group(group("AMP"))) for share in ("none", "trial")),
    ],
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
