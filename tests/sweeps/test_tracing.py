"""Traced transitions: coverage with synthetic curves by the hundred, and traces of a toy model."""

import concurrent.futures

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import expit, ndtr

import recover as rc
from recover.statistics.logistic import STATUSES
from recover.statistics.trace import ENDINGS, Question, ask, begin, grid_instances, tell
from recover.sweeps.compile import compile_program
from tests.sweeps.toy import LeastSquares, Means


def logistic(distance):
    return expit(-distance)


def complementary_log_log(distance):
    """Crosses one half at zero, with the slope of the logistic curve and a heavier tail of successes."""
    return np.exp(-np.exp(np.log(np.log(2)) + distance / (2 * np.log(2))))


def gompertz(distance):
    return 1 - complementary_log_log(-distance)


def simulate(
    repetitions,
    curve=logistic,
    scale=4.0,
    width=3.0,
    grid=range(2, 191),
    truth=(40, 150),
    guess=None,
    correlation=0.0,
    trials=3,
    points=8,
    level=0.5,
    confidence=0.95,
    budget=2000,
    seed=0,
):
    """Traces of synthetic Bernoulli curves; returns the last state, the true transitions and the instances used.

    Cells of a trial are correlated by a Gaussian copula, as those that share a design may be.
    """
    generator = np.random.default_rng(seed)
    true = generator.uniform(*truth, size=repetitions)
    # The place where the curve, which falls from one to zero, is at the level.
    crossing = brentq(lambda distance: curve(distance) - level, -50.0, 50.0)
    values = np.broadcast_to(np.asarray(grid, float), (repetitions, len(grid)))
    start = np.full(repetitions, np.nan) if guess is None else guess(true)
    state, used = begin(Question(values, level, width, confidence, points, 0, start)), np.zeros(repetitions, int)
    while True:
        cells = ask(state, np.where(used + trials * points <= budget, points, 0))
        if not (cells >= 0).any():
            return state, true, used
        x = np.take_along_axis(values, np.maximum(cells, 0), axis=1)
        shared = generator.normal(size=(repetitions, trials, 1))
        noise = np.sqrt(correlation) * shared
        noise = noise + np.sqrt(1 - correlation) * generator.normal(size=(repetitions, trials, cells.shape[1]))
        probability = curve((x - true[:, None]) / scale + crossing)
        state = tell(state, cells, ndtr(noise) < probability[:, None])
        used += (cells >= 0).sum(1) * trials


def lopsided(distance):
    """Crosses one half at zero, and nears zero at a sixth of the rate at which it leaves one."""
    return expit(-distance - np.log(2 ** (1 / 0.15) - 1)) ** 0.15


SCENARIOS = {
    "logistic": {},
    "good start": {"guess": lambda truth: truth + 2},
    "wrong start": {"guess": lambda truth: np.where(truth > 95, 20.0, 170.0)},
    "loose": {"width": 8.0},
    "tight": {"scale": 5.0, "width": 2.0},
    "wide": {"scale": 20.0, "width": 10.0},
    "steep": {"scale": 1.0, "width": 1.0},
    "jump": {"scale": 0.02, "width": 3.0},
    "jump, beyond the grid": {"scale": 0.02, "width": 0.5},
    "between two values": {"scale": 0.5, "width": 0.5},
    "complementary log-log": {"curve": complementary_log_log},
    "complementary log-log, tight": {"curve": complementary_log_log, "scale": 5.0, "width": 2.0},
    "complementary log-log, steep": {"curve": complementary_log_log, "scale": 1.0, "width": 0.5},
    "Gompertz": {"curve": gompertz},
    "lopsided, high level": {"curve": lopsided, "level": 0.8},
    "low level": {"level": 0.1},
    "high level": {"level": 0.9},
    "high level, complementary log-log": {"curve": complementary_log_log, "level": 0.9},
    "shared designs": {"correlation": 0.3},
    "identical designs": {"correlation": 0.9},
    "few, large rounds": {"trials": 10, "points": 16},
    "float axis": {"grid": np.linspace(0, 1, 513), "scale": 0.02, "width": 0.016, "truth": (0.2, 0.8)},
    "crossing anywhere, or nowhere": {"truth": (-20, 212), "budget": 600},
}


def coverage(state, truth):
    """The share of intervals that hold the truth."""
    return ((state.estimate.low <= truth) & (truth <= state.estimate.high)).mean()


REPETITIONS = 200
LEAST_COVERAGE = 0.93 - 2 * np.sqrt(0.93 * 0.07 / REPETITIONS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_interval_covers_with_adaptive_placement_and_stopping(name):
    state, truth, _ = simulate(REPETITIONS, **SCENARIOS[name])
    estimate = state.estimate
    assert coverage(state, truth) >= LEAST_COVERAGE
    assert state.running.mean() <= 0.03
    narrow = estimate.ending == ENDINGS.index("narrow")
    assert (estimate.high - estimate.low)[narrow].max(initial=0) <= state.question.width


@pytest.mark.parametrize("name", ["logistic", "steep", "complementary log-log"])
def test_intervals_that_are_too_short_are_noticed(name):
    state, truth, _ = simulate(REPETITIONS, **SCENARIOS[name], confidence=0.7)
    assert 0.6 < coverage(state, truth) < LEAST_COVERAGE


def test_instances_of_a_typical_transition():
    """A grid of 32 values with 50 trials each is 1,600 instances; its interval is 3.0 wide on average."""
    _, _, used = simulate(150)
    assert used.mean() < 1600 / 5
    _, _, guided = simulate(150, **SCENARIOS["good start"])
    assert guided.mean() < used.mean()
    _, _, misled = simulate(150, **SCENARIOS["wrong start"])
    assert misled.mean() < used.mean() + 3 * 24


def test_a_jump_ends_at_the_resolution_of_the_grid():
    state, truth, used = simulate(100, **SCENARIOS["jump, beyond the grid"])
    estimate = state.estimate
    inner = np.abs(truth - np.round(truth)) > 0.1
    assert (estimate.ending[inner] == ENDINGS.index("grid")).all()
    np.testing.assert_array_equal((estimate.high - estimate.low)[inner], 1)
    np.testing.assert_array_equal(estimate.low[inner], np.floor(truth[inner]))
    assert used.max() < 400


@pytest.mark.parametrize(("truth", "status"), [((192, 196), "above"), ((-6, 0), "below")])
def test_a_level_that_is_not_crossed(truth, status):
    state, _, used = simulate(100, scale=4.0, truth=truth)
    found = np.asarray(STATUSES)[state.estimate.status]
    outside = state.estimate.ending == ENDINGS.index("outside")
    assert outside.mean() > 0.6
    assert (found[outside] == status).mean() > 0.97
    assert used[outside].mean() < 1000


def test_a_guess_moves_only_the_first_round():
    grid = np.arange(100.0)[None]
    question = Question(grid, 0.5, 1.0, 0.95, 8, 0, np.asarray([30.0]))
    (cells,) = ask(begin(question))
    assert cells[0] == 0
    assert cells[-1] == 99
    assert (np.abs(cells - 30) <= 7).sum() >= 2
    outcomes = np.broadcast_to(grid[0, cells] < 60, (1, 3, 8))
    (again,) = ask(tell(begin(question), cells[None], outcomes))
    lower, upper = cells[cells < 60].max(), cells[cells >= 60].min()
    assert again[0] == lower
    assert again[-1] == upper


@pytest.mark.parametrize("count", [4, 5, 8, 40])
@pytest.mark.parametrize("guess", [np.nan, -50.0, 0.0, 17.0, 1e6])
@pytest.mark.parametrize("grid", [range(40), np.geomspace(1, 1000, 40), np.r_[0, 1e-3, 2e-3, np.arange(1, 38)]])
def test_asked_cells_are_different_and_on_the_grid(grid, guess, count):
    values = np.asarray(grid, float)[None]
    state = begin(Question(values, 0.5, 1.0, 0.95, count, 0, np.asarray([guess])))
    generator = np.random.default_rng(count)
    for _ in range(4):
        cells = ask(state)
        if not (cells >= 0).any():
            return
        assert cells.shape == (1, count)
        assert (np.diff(cells[0]) > 0).all()
        assert cells[0, 0] >= 0
        assert cells[0, -1] < 40
        chance = expit((20 - np.arange(40)[cells[0]]) / 3)
        state = tell(state, cells, generator.random((1, 3, count)) < chance)


def test_curves_do_not_touch_each_other():
    generator = np.random.default_rng(0)
    grid, start = np.arange(2.0, 60)[None].repeat(3, 0), np.full(3, np.nan)
    together = begin(Question(grid, 0.5, 2.0, 0.95, 8, -1, start))
    alone = begin(Question(grid[:1], 0.5, 2.0, 0.95, 8, -1, start[:1]))
    for _ in range(6):
        cells = ask(together)
        np.testing.assert_array_equal(cells[:1][ask(alone) >= 0], ask(alone)[ask(alone) >= 0])
        x = np.take_along_axis(grid, np.maximum(cells, 0), axis=1)
        outcomes = generator.random((3, 3, 8)) < expit((np.asarray([[20], [30], [90]]) - x) / 3)[:, None]
        together, alone = tell(together, cells, outcomes), tell(alone, cells[:1], outcomes[:1])
    np.testing.assert_allclose(together.estimate.low[0], alone.estimate.low[0])


# The engine. A single mean is estimated from noisy copies: success rises with `samples` and falls with `noise`.


def toy(samples, noise):
    return Means(samples=samples, noise=noise), LeastSquares()


TOY = {
    "along": {"noise": np.linspace(0, 2, 81)}, "over": {"samples": [4, 16]}, "width": 0.7, "below": 0.2, "max_steps": 5
}  # fmt: skip


@pytest.fixture(scope="module")
def whole():
    return rc.trace_boundary(toy, **TOY)


def test_a_trace_agrees_with_a_full_grid(whole):
    trace = whole
    assert list(trace.curves["samples"]) == [4, 16]
    assert list(trace.curves["ended"]) == ["narrow", "narrow"]
    assert ((trace.curves["high"] - trace.curves["low"]) <= 0.7).all()
    assert trace.instances == len(trace.frame) == trace.curves["instances"].sum()
    assert (trace.curves["grid_instances"] > 0).all()
    grid = rc.sweep(toy, {"samples": [4, 16], "noise": np.linspace(0, 2, 21)}, trials=200, seed=1, max_steps=5)
    full = grid.boundary("noise", below=0.2)
    # Both have their error, and neither curve is logistic.
    np.testing.assert_allclose(trace.curves["boundary"], full["boundary"], atol=0.3)
    assert not trace.frame.duplicated(["samples", "noise", "trial"]).any()
    row = trace.frame.iloc[-1]
    again = rc.sweep(
        toy, {"samples": [row.samples], "noise": [row.noise]}, trials=range(row.trial, row.trial + 1), max_steps=5
    )
    np.testing.assert_allclose(again.frame["error"], row.error, rtol=1e-5)


def test_rounds_share_their_programs():
    before = compile_program.cache_info().misses
    trace = rc.trace_boundary(
        toy, along={"samples": range(1, 60)}, over={"noise": [0.3, 0.5, 0.7, 0.9]}, width=12.0, below=0.2, max_steps=5
    )
    assert trace.rounds > 4
    # At most one program for four curves, for two and for one.
    assert compile_program.cache_info().misses - before <= 3


def test_several_solvers_are_several_curves():
    def cell(noise):
        return Means(samples=9, noise=noise), {"plain": LeastSquares(), "shrunk": LeastSquares(shrinkage=0.0)}

    trace = rc.trace_boundary(cell, along={"noise": np.linspace(0, 2, 41)}, width=0.3, below=0.2, max_steps=5)
    curves = trace.curves.set_index("solver")
    assert curves.loc["plain", "ended"] == "narrow"
    # A solver that never moves fails everywhere; the other one tells that success falls along the axis.
    assert (curves.loc["shrunk", "ended"], curves.loc["shrunk", "status"]) == ("outside", "below")
    assert curves.loc["shrunk", "high"] == 0


def test_points_that_are_none_are_not_admissible():
    def cell(noise, samples):
        return toy(samples, noise) if noise <= samples / 4 else None

    trace = rc.trace_boundary(
        cell, along={"noise": np.linspace(0, 4, 33)}, over={"samples": [2, 12]}, width=0.4, below=0.2, max_steps=5
    )
    assert (trace.frame["noise"] <= trace.frame["samples"] / 4).all()
    assert set(trace.curves["ended"]) <= {"narrow", "outside"}


class Broken(concurrent.futures.ThreadPoolExecutor):
    """Gives up after so many blocks."""

    def __init__(self, blocks):
        super().__init__(1)
        self.blocks = blocks

    def submit(self, *arguments, **options):
        self.blocks -= 1
        if self.blocks < 0:
            raise KeyboardInterrupt
        return super().submit(*arguments, **options)


def test_an_interrupted_trace_resumes(whole, tmp_path):
    with Broken(3) as executor, pytest.raises(KeyboardInterrupt):
        rc.trace_boundary(toy, **TOY, store=tmp_path, executor=executor)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert len(kept) == 3
    progress = []
    resumed = rc.trace_boundary(toy, **TOY, store=tmp_path, progress=lambda done, total: progress.append(done))
    pd.testing.assert_frame_equal(resumed.curves, whole.curves)
    pd.testing.assert_frame_equal(resumed.frame, whole.frame)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert progress[-1] == whole.instances
    with Broken(0) as executor:
        rc.trace_boundary(toy, **TOY, store=tmp_path, executor=executor)


def test_budgets_are_kept():
    trace = rc.trace_boundary(toy, **{**TOY, "width": 0.001}, max_instances=150)
    assert 150 - 48 < trace.instances <= 150
    assert set(trace.curves["ended"]) == {"budget"}
    trace = rc.trace_boundary(toy, **{**TOY, "width": 0.001}, max_per_curve=60)
    assert trace.curves["instances"].max() <= 60


@pytest.mark.parametrize("start", [0.4, {4: 0.4, 16: None}, lambda samples: np.nan if samples == 16 else 0.4])
def test_guesses_refine_the_first_round(whole, start):
    trace = rc.trace_boundary(toy, **TOY, start=start, max_instances=48)
    first = [frame[frame["trial"] < 3] for frame in (trace.frame, whole.frame)]
    near = [(frame[frame["samples"] == 4]["noise"].sub(0.4).abs() < 0.15).sum() for frame in first]
    assert near[0] > near[1]
    without = [set(frame[frame["samples"] == 16]["noise"]) for frame in first]
    assert (without[0] == without[1]) == (start != 0.4)
    assert set(trace.curves["ended"]) == {"budget"}


def test_a_pair_of_floats_is_a_continuous_axis():
    trace = rc.trace_boundary(toy, **{**TOY, "along": {"noise": (0.0, 2.0)}}, max_instances=48)
    assert trace.frame["noise"].nunique() == 8
    assert set(trace.frame["noise"]) < set(np.linspace(0, 2, 513))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"along": {"noise": [0.0, 1.0], "poison": [0, 1]}}, "`along` has the axes .* exactly one"),
        ({"along": {"noise": [1.0]}}, "`along` has the values .* two finite numbers"),
        ({"along": {"noise": ["a", "b"]}}, "`along` has the values .* two finite numbers"),
        ({"along": {"noise": [0.0, np.inf]}}, "`along` has the values .* two finite numbers"),
        ({"along": {"samples": [1, 2]}}, "`over` has the axis 'samples'"),
        ({"over": {"trial": [1, 2]}}, "named 'trial'"),
        ({"width": 0.0}, "`width` is 0.0; a positive number"),
        ({"width": np.nan}, "`width` is nan; a positive number"),
        ({"below": -1.0}, "`below` is -1.0; a positive number"),
        ({"level": 1.0}, "`level` is 1.0; a probability"),
        ({"confidence": 95.0}, "`confidence` is 95.0; a probability"),
        ({"direction": "down"}, "`direction` is 'down'; \"increasing\""),
        ({"trials": 1}, "`trials` is 1; an integer from 2"),
        ({"points": 3}, "`points` is 3; an integer from 4"),
        ({"max_steps": 0}, "`max_steps` is 0; an integer from 1"),
        ({"max_instances": 10}, "`max_instances` is 10; at least 48"),
        ({"max_per_curve": 10}, "`max_per_curve` is 10; an integer from 24"),
        ({"metric": "nothing"}, "`metric` is 'nothing'; allowed: .*squared"),
        ({"share": "all"}, "`share` is 'all'"),
    ],
)
def test_bad_arguments(changed, message):
    with pytest.raises(ValueError, match=message):
        rc.trace_boundary(toy, **{**TOY, **changed})


def test_a_cell_without_admissible_points():
    with pytest.raises(ValueError, match="None everywhere"):
        rc.trace_boundary(lambda samples, noise: None, **TOY)


def test_the_forecast_of_a_grid_is_what_a_grid_takes():
    """The expected interval of an even grid with that many instances is as wide as the one found."""
    state, _, _ = simulate(200)
    instances = np.median(grid_instances(state))
    reach = np.median(state.estimate.high - state.estimate.low)
    length, scale = 188.0, 4.0
    expected = 2 * 1.96 * np.sqrt(length * scale / instances)
    assert expected == pytest.approx(reach, rel=0.25)
