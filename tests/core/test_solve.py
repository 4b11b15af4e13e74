import re
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.core.results import result_names
from recover.core.solver import AbstractSolver, problem_kinds
from tests.sweeps.toy import LeastSquares, Means


@pytest.fixture
def problem():
    return rc.models.SparseRegression(dimension=100, samples=60, sparsity=6).sample(jax.random.key(0))[0]


def test_results_are_sentences_and_have_names():
    assert str(rc.Result.converged) == "recover.core.results.Result<The solver's stopping rule was met.>"
    codes = [int(jax.tree_util.tree_leaves(getattr(rc.Result, name))[0]) for name in result_names(np.arange(6))]
    assert codes == [0, 1, 2, 3, 4, 5]
    assert len(rc.Result) == 6


def test_solve_stops_by_its_rule_and_counts_steps(problem):
    solution = rc.solve(problem, rc.solvers.AMP(), max_steps=300)
    assert bool(solution.result == rc.Result.converged)
    steps = int(solution.stats["steps"])
    assert 0 < steps < 300
    assert float(solution.stats["residual"]) <= 1e-5
    short = rc.solve(problem, rc.solvers.AMP(), max_steps=steps - 1)
    assert bool(short.result == rc.Result.exhausted)
    assert int(short.stats["steps"]) == steps - 1


def test_history_is_strided_padded_with_the_last_entry_and_of_fixed_length(problem):
    solution = rc.solve(problem, rc.solvers.AMP(), max_steps=100, record=True, record_every=7)
    steps = int(solution.stats["steps"])
    assert solution.history.shape == (100 // 7 + 1, 100)
    assert not jnp.any(solution.history[0])
    for entry in (1, 3):
        assert jnp.array_equal(solution.history[entry], rc.solve(problem, rc.solvers.AMP(), max_steps=7 * entry).value)
    after = -(-steps // 7)
    np.testing.assert_array_equal(solution.history[after:], np.tile(solution.value, (len(solution.history) - after, 1)))


def test_history_of_a_function_and_steps_beyond_the_last_stride(problem):
    solution = rc.solve(problem, rc.solvers.AMP(), max_steps=9, record=jnp.linalg.norm, record_every=4)
    assert solution.history.shape == (3,)
    assert int(solution.stats["steps"]) == 9


def test_changing_numbers_does_not_compile_again(problem):
    traces = []

    class Watched(LeastSquares):
        def init(self, problem, key):
            traces.append(1)
            return super().init(problem, key)

    small, _ = Means(5).sample(jax.random.key(0))
    for rounds, steps in [(1, 5), (2, 6), (3, 7)]:
        rc.solve(small, Watched(rounds=rounds, shrinkage=0.5 * rounds), max_steps=steps)
    assert len(traces) == 1


def test_solution_survives_vmap_over_problems():
    model = rc.models.SparseRegression(dimension=64, samples=40, sparsity=4)
    problems, truths = jax.vmap(model.sample)(jax.random.split(jax.random.key(0), 4))
    solutions = eqx.filter_vmap(lambda problem: rc.solve(problem, rc.solvers.AMP(), max_steps=200))(problems)
    assert solutions.stats["steps"].shape == (4,)
    errors = jax.vmap(model.error)(truths, solutions.value)
    assert jnp.max(errors) < 1e-3


def test_data_that_is_not_a_number_diverges(problem):
    broken = eqx.tree_at(lambda p: p.observations, problem, problem.observations.at[0].set(jnp.nan))
    solution = rc.solve(broken, rc.solvers.AMP(), max_steps=50)
    assert bool(solution.result == rc.Result.diverged)
    assert int(solution.stats["steps"]) < 50


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_steps", 0), ("max_steps", -3), ("max_steps", 2**31), ("record_every", 0), ("record_every", 2**70)],
)
def test_bad_budgets_are_named(problem, name, value):
    with pytest.raises(ValueError, match=f"`{name}` is {value}"):
        rc.solve(problem, rc.solvers.AMP(), **{name: value})


def test_the_kind_of_problem_is_read_off_the_class_of_a_solver():
    class Either(AbstractSolver[rc.LinearProblem | rc.GraphProblem, jax.Array]):
        """Takes both."""

    class Pair(AbstractSolver[tuple[jax.Array, jax.Array], jax.Array]):
        """Takes a tuple."""

    class Anything(AbstractSolver):
        """Does not say."""

    kinds = {each: problem_kinds(each) for each in (Either, Pair, Anything, rc.solvers.FISTA, rc.solvers.AMKroSBL)}
    assert list(kinds.values()) == [
        (rc.LinearProblem, rc.GraphProblem),
        (tuple,),
        (),
        (rc.LinearProblem,),
        (rc.KroneckerProblem,),
    ]


class Held(rc.solvers.AbstractSolver):
    """Holds anything."""

    what: object = 1.0
    how: object = eqx.field(static=True, default=1)

    def init(self, problem, key):
        return jnp.zeros(())

    def step(self, problem, state):
        return state

    def status(self, problem, state):
        return rc.Result.converged

    def estimate(self, problem, state):
        return state


@pytest.mark.parametrize(
    ("name", "value"),
    [("what", {1, 2}), ("what", np.asarray([1, None])), ("what", pd.DataFrame({"a": [1]})), ("how", np.arange(3))],
)
def test_what_a_program_cannot_hold_is_named(problem, name, value):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solver = Held(**{name: value})
    with pytest.raises(TypeError, match=f"solve: `{name}` of Held is .* allowed"):
        rc.solve(problem, solver)


SENTENCES = {
    "exhausted": ("used all its steps", {"max_steps": 3}),
    "converged": (None, {"max_steps": 300}),
}


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_failure_is_thrown_with_its_sentence(problem, name, compiled):
    sentence, options = SENTENCES[name]

    def solve(problem):
        return rc.solve(problem, rc.solvers.AMP(), throw=True, **options)

    solve = eqx.filter_jit(solve) if compiled else solve
    if sentence is None:
        quiet = rc.solve(problem, rc.solvers.AMP(), **options)
        assert bool(eqx.tree_equal(solve(problem), quiet))
    else:
        with pytest.raises(RuntimeError, match=sentence):
            solve(problem)


class Ends(Held):
    """Ends at once, by a result that it is given."""

    code: int = eqx.field(static=True, default=1)

    def status(self, problem, state):
        return [rc.Result.converged, rc.Result.stalled, rc.Result.inaccurate][self.code]

    def estimate(self, problem, state):
        return jnp.where(problem > 0, jnp.nan, state) * self.what


@pytest.mark.parametrize(
    ("solver", "data", "sentence"),
    [
        (Ends(code=1), 0.0, "stopped improving"),
        (Ends(code=2), 0.0, "nothing certifies"),
        (Ends(code=0), 1.0, "not a number"),
    ],
)
def test_whatever_is_not_converged_is_thrown(solver, data, sentence):
    assert rc.solve(jnp.asarray(data), solver).value.shape == ()
    with pytest.raises(RuntimeError, match=sentence):
        rc.solve(jnp.asarray(data), solver, throw=True)


def test_one_failure_of_a_batch_is_thrown():
    def solve(data):
        return rc.solve(data, Ends(code=0), throw=True).value

    assert jax.vmap(solve)(jnp.zeros(3)).shape == (3,)
    with pytest.raises(RuntimeError, match="not a number"):
        jax.block_until_ready(jax.vmap(solve)(jnp.asarray([0.0, 1.0, 0.0])))
    with pytest.raises(RuntimeError, match="not a number"):
        jax.block_until_ready(jax.jit(jax.vmap(solve))(jnp.asarray([0.0, 1.0, 0.0])))


class Reports(list):
    """What was told, in order; one function, whatever is in it."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def __call__(self, steps, stats):
        self.append((steps, stats))


@pytest.mark.parametrize("options", [{}, {"record": True, "record_every": 7}])
def test_progress_is_told_and_changes_nothing(problem, options):
    solver, told = rc.solvers.FISTA(penalty=0.01), Reports()
    options = {"max_steps": 500, **options}
    quiet = rc.solve(problem, solver, **options)
    watched = rc.solve(problem, solver, progress=told, **options)
    for one, other in zip(jax.tree.leaves(quiet), jax.tree.leaves(watched), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    last = int(watched.stats["steps"])
    assert last < 500
    assert [steps for steps, _ in told] == [*range(5, last, 5), last]
    assert told[-1][1]["residual"] == pytest.approx(float(watched.stats["residual"]))
    assert all(isinstance(value, float) for _, stats in told for value in stats.values())


def test_progress_under_transformations(problem):
    solver, told = rc.solvers.FISTA(penalty=0.01), Reports()

    def solve(observations, progress=told):
        moved = eqx.tree_at(lambda problem: problem.observations, problem, observations)
        return rc.solve(moved, solver, max_steps=300, progress=progress)

    jax.block_until_ready(eqx.filter_jit(lambda y: solve(y).value)(problem.observations))
    jax.effects_barrier()
    one = int(solve(problem.observations, None).stats["steps"])
    assert [steps for steps, _ in told] == [*range(3, one, 3), one]
    told.clear()
    batch = jnp.stack([problem.observations, 0.1 * problem.observations, 3 * problem.observations])
    together = jax.vmap(lambda y: solve(y, None).stats)(batch)
    jax.block_until_ready(jax.vmap(lambda y: solve(y).value)(batch))
    jax.effects_barrier()
    steps = [steps for steps, _ in told]
    assert steps == sorted(set(steps))
    assert steps[-1] == int(together["steps"].max())
    assert told[-1][1]["residual"] == pytest.approx(float(together["residual"].max()))
    told.clear()
    gradients = [jax.grad(lambda y, told=each: solve(y, told).value.sum())(batch[0]) for each in (None, told)]
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-5)
    assert told


def test_a_bar_is_drawn_and_taken_away(problem, capsys):
    rc.solve(problem, rc.solvers.AMP(), max_steps=300, progress=True)
    assert re.search(r"steps .*/300 .*residual \d", capsys.readouterr().err)
    rc.solve(problem, rc.solvers.AMP(), max_steps=300, progress=False)
    assert capsys.readouterr().err == ""


def test_without_progress_and_throw_a_program_calls_nobody(problem):
    def text(**options):
        return jax.jit(lambda problem: rc.solve(problem, rc.solvers.AMP(), **options).value).lower(problem).as_text()

    assert "callback" not in text(progress=False)
    assert "callback" in text(progress=True)
    assert "callback" in text(throw=True)


def test_a_function_that_fails_ends_the_solve(problem):
    def failing(steps, stats):
        raise KeyError("of the function")

    with pytest.raises(RuntimeError, match="of the function"):
        rc.solve(problem, rc.solvers.AMP(), progress=failing)
