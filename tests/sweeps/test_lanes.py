"""A queue of solves gives the rows of solves that all march together."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.solve import start
from recover.sweeps import lanes, layout
from recover.sweeps.lanes import Slots, work_off
from recover.sweeps.layout import Machine, Sizes, by_trials, capacities, make_layout
from recover.sweeps.split import Occupant
from tests.sweeps.toy import LeastSquares, Means

AXES = {"samples": [20, 30, 40, 50], "sparsity": [2, 4, 6, 8, 10]}


def cell(samples, sparsity):
    model = rc.models.SparseRegression(dimension=60, samples=samples, sparsity=sparsity)
    # Whose iterates are not chaotic where they do not converge: layouts differ in rounding.
    return model, {"FISTA": rc.solvers.FISTA(penalty=1e-3), "OMP": rc.solvers.OMP()}


@pytest.fixture
def always_queue(monkeypatch):
    def queue(width):
        monkeypatch.setattr(layout, "_QUEUE_WORK", 0)
        monkeypatch.setattr(layout, "_CPU_WIDTHS", (width, width))
        monkeypatch.setattr(layout, "_LEAST_WIDTH", 1)
        monkeypatch.setattr(layout, "_LEAST_QUEUE", 1)

    return queue


@functools.cache
def without_a_queue(share):
    return rc.sweep(cell, AXES, trials=3, max_steps=120, share=share).frame


@pytest.mark.parametrize("width", [3, 8])
@pytest.mark.parametrize("share", ["trial", "none"])
def test_a_queue_changes_no_row(share, width, always_queue):
    together = without_a_queue(share)
    always_queue(width)
    described = rc.plan_sweep(cell, AXES, trials=3, max_steps=120, share=share)
    assert all(group.layout.slots is not None for group in described.groups)
    queued = rc.sweep(cell, AXES, trials=3, max_steps=120, share=share).frame
    assert together.result.nunique() > 1
    assert (together.result == queued.result).all()
    recovered = together.error < 1e-3
    assert recovered.mean() > 0.2
    np.testing.assert_allclose(queued.error[recovered], together.error[recovered], atol=2e-5)
    np.testing.assert_allclose(queued.steps[recovered], together.steps[recovered], rtol=0.1, atol=3)
    np.testing.assert_allclose(queued.error, together.error, rtol=0.1, atol=2e-5)


class Countdown(LeastSquares):
    """Takes as many steps as its problem has gains; its answer is that number."""

    def init(self, problem, key):
        return jnp.sum(problem[0] != 0).astype(jnp.float32), jnp.zeros((), jnp.int32)

    def status(self, problem, state):
        gains, _ = problem
        done = state[1] >= jnp.sum(gains != 0)
        return rc.Result.where(done, rc.Result.converged, rc.Result.running)

    def step(self, problem, state):
        return state[0], state[1] + 1


@pytest.mark.parametrize(
    ("count", "slots"),
    [
        (1, Slots(1, 1, 1)),
        (7, Slots(3, 1, 1)),
        (40, Slots(8, 3, 2)),
        (5, Slots(8, 2, 4)),
        (40, Slots(8, 3, 2, stride=7)),
    ],
)
@pytest.mark.parametrize("large", [0, lanes._LARGE])
def test_every_solve_is_finished_once_with_its_own_number_of_steps(count, slots, large, monkeypatch):
    # Large arrays of a place are written in place, small ones chosen.
    monkeypatch.setattr(lanes, "_LARGE", large)
    lengths = jax.random.randint(jax.random.key(0), (count,), 1, 30)

    def begin(item):
        gains = (jnp.arange(30) < lengths[item]).astype(jnp.float32)
        problem = (gains, gains)
        return Occupant(problem, jnp.zeros(()), Countdown(), start(problem, Countdown(), jax.random.key(0)))

    def finish(item, occupant):
        return {"item": item, "steps": occupant.carry.steps}

    for capacity in (count, count + 3):
        queue = functools.partial(work_off, capacity, begin=begin, finish=finish, slots=slots)
        rows = jax.jit(lambda count, steps, queue=queue: queue(count, max_steps=steps))(count, 20)
        assert rows["item"].shape == (capacity,)
        np.testing.assert_array_equal(rows["item"][:count], np.arange(count))
        np.testing.assert_array_equal(rows["steps"][:count], np.minimum(lengths, 20))
        assert not rows["steps"][count:].any()


def test_nan_data_in_the_queue_stay_in_their_lane(always_queue):
    always_queue(2)

    def poisoned(samples, poison):
        return Means(samples, poison=poison), LeastSquares()

    both = rc.sweep(poisoned, {"samples": [3, 5, 8], "poison": [0, 1]}, trials=4).frame
    assert set(both[both.poison == 1].result) == {"diverged"}
    assert set(both[both.poison == 0].result) == {"converged"}


LARGE = Sizes(design=640_000, lane=8_000)


def laid_out(platform, share, shape, memory=2**30, sizes=LARGE):
    machine = Machine(platform, devices=1, memory=memory)
    return make_layout(sizes, machine, share, shape, instances=10**6, max_steps=500, recorded=False)


@pytest.mark.parametrize(
    ("platform", "shape", "slots"),
    [
        ("cpu", (8, 1024), Slots(128, 16, 16)),  # what stays in the cache, in whole tiles
        ("cpu", (8, 150), Slots(64, 8, 8)),  # half of the lanes, in whole tiles
        ("cpu", (64, 16), None),  # too few lanes for a product
        ("gpu", (8, 20_000), Slots(4096, 512, 512, stride=8)),
        ("gpu", (8, 1000), Slots(256, 32, 32, stride=8)),
    ],
)
def test_places_of_shared_designs(platform, shape, slots):
    assert laid_out(platform, "trial", shape).slots == slots


def test_devices_take_trials_or_lanes_whatever_ends_sooner():
    two = Machine("cpu", devices=2, memory=2**30)
    for trials, width in ((8, 64), (3, 32)):
        made = make_layout(LARGE, two, "trial", (trials, 150), instances=10**6, max_steps=500, recorded=False)
        assert by_trials(trials, 150, two.devices) == (trials == 8)
        assert made.slots.width == width
    assert by_trials(trials=24, lanes=1, devices=2)
    # Half of few lanes do not cost half: side by side they share the cost of a step.
    assert by_trials(trials=5, lanes=4, devices=2)
    assert by_trials(trials=7, lanes=9, devices=2)
    assert not by_trials(trials=7, lanes=7, devices=2)
    assert not by_trials(trials=1, lanes=40, devices=2)


def test_grids_of_all_sizes_share_a_few_capacities():
    shapes = [(trials, lanes) for trials in range(1, 17) for lanes in range(1, 129)]
    assert {capacities(*shape, recorded=True) for shape in shapes} == {(16, 128)}
    assert {capacities(4 * trials, 4 * lanes, recorded=False) for trials, lanes in shapes} == {(64, 512)}
    assert capacities(17, 129, recorded=True) == (64, 512)
    assert len({capacities(trials, 8192 // trials, recorded=False) for trials in range(1, 8193)}) < 30


@pytest.mark.parametrize(
    ("lanes", "width"), [(1, 1), (2, 2), (3, 4), (8, 4), (9, 16), (16, 16), (17, 32), (40, 16), (59, 32), (400, 32)]
)
def test_lanes_that_do_not_queue_lie_side_by_side_in_one_of_a_few_widths(lanes, width):
    machine = Machine("cpu", devices=1, memory=2**30)
    made = make_layout(LARGE, machine, "trial", (4, lanes), instances=10, max_steps=10, recorded=False)
    assert (made.slots, made.width) == (None, width)


def test_own_designs_run_two_at_a_time_or_as_many_as_fit_the_cache():
    assert (laid_out("cpu", "none", (8, 128)).slots, laid_out("cpu", "none", (8, 128)).width) == (None, 2)
    small = laid_out("cpu", "none", (8, 1024), sizes=Sizes(design=40_000, lane=2_000))
    assert small.slots == Slots(16, 2, 2)
    assert laid_out("gpu", "none", (8, 1024)).slots.width > 1000
    assert laid_out("gpu", "none", (8, 1024)).slots.stride == 8


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
@pytest.mark.parametrize("lanes", [20, 60, 1024])
def test_little_memory_makes_few_places(platform, lanes):
    memory = LARGE.design + 4 * LARGE.lane * 10
    made = laid_out(platform, "trial", (4, lanes), memory=memory)
    assert made.slots == Slots(10, 1, 1, stride=8 if platform == "gpu" else 1)
    assert made.bytes == memory
    own = laid_out(platform, "none", (4, lanes), memory=memory)
    assert own.slots is None
    assert own.width == 1


def test_without_a_queue_no_more_lanes_lie_side_by_side_than_fit():
    machine = Machine("cpu", devices=1, memory=LARGE.design + 4 * LARGE.lane * 10)
    made = make_layout(LARGE, machine, "trial", (4, 60), instances=10, max_steps=10, recorded=False)
    assert (made.slots, made.width) == (None, 4)


def test_small_groups_and_histories_do_not_queue():
    machine = Machine("cpu", devices=1, memory=2**30)
    few = make_layout(LARGE, machine, "trial", (1, 1024), instances=10, max_steps=10, recorded=False)
    history = make_layout(LARGE, machine, "trial", (1, 1024), instances=10**6, max_steps=500, recorded=True)
    assert few.slots is None
    assert history.slots is None
