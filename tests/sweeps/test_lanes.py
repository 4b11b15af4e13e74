"""A queue of solves gives the rows of solves that all march together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.loop import start
from recover.sweeps import lanes, layout
from recover.sweeps.lanes import Occupant, Slots, work_off
from recover.sweeps.layout import Machine, Sizes, make_layout
from tests.sweeps.toy import LeastSquares, Means

AXES = {"samples": [20, 30, 40, 50], "sparsity": [2, 4, 6, 8, 10]}


def cell(samples, sparsity):
    model = rc.models.SparseRegression(dimension=60, samples=samples, sparsity=sparsity)
    return model, {"AMP": rc.solvers.AMP(patience=30), "OMP": rc.solvers.OMP()}


@pytest.fixture
def always_queue(monkeypatch):
    def queue(width):
        monkeypatch.setattr(layout, "_QUEUE_WORK", 0)
        monkeypatch.setattr(layout, "_CPU_WIDTHS", (width, width))
        monkeypatch.setattr(layout, "_LEAST_WIDTH", 1)
        monkeypatch.setattr(layout, "_LEAST_QUEUE", 1)

    return queue


@pytest.mark.parametrize("share", ["trial", "none"])
@pytest.mark.parametrize("width", [3, 8])
def test_a_queue_changes_no_row(share, width, always_queue):
    together = rc.sweep(cell, AXES, trials=3, max_steps=120, share=share).frame
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
    ("count", "slots"), [(1, Slots(1, 1, 1)), (7, Slots(3, 1, 1)), (40, Slots(8, 3, 2)), (5, Slots(8, 2, 4))]
)
def test_every_solve_is_finished_once_with_its_own_number_of_steps(count, slots):
    lengths = jax.random.randint(jax.random.key(0), (count,), 1, 30)

    def begin(item):
        gains = (jnp.arange(30) < lengths[item]).astype(jnp.float32)
        problem = (gains, gains)
        return Occupant(problem, jnp.zeros(()), Countdown(), start(problem, Countdown(), jax.random.key(0)))

    def finish(item, occupant):
        return {"item": item, "steps": occupant.carry.steps}

    rows = jax.jit(lambda: work_off(count, begin, finish, jnp.asarray(20, jnp.int32), slots))()
    np.testing.assert_array_equal(rows["item"], np.arange(count))
    np.testing.assert_array_equal(rows["steps"], np.minimum(lengths, 20))


def test_what_is_shared_is_held_once_and_what_a_step_changes_is_told_apart():
    design = jax.random.normal(jax.random.key(0), (12,))

    def begin(item):
        problem = (design, design * item.astype(jnp.float32))
        return Occupant(problem, jnp.zeros(()), LeastSquares(), start(problem, LeastSquares(), jax.random.key(0)))

    split = lanes._Split(begin)
    shapes = [leaf.shape for leaf in split.shapes.fixed]
    assert shapes.count((12,)) == 1  # the observations; the design is shared
    assert len(split.shapes.moving) == 4  # estimate and round, verdict and steps


def test_nan_data_in_the_queue_stay_in_their_lane(always_queue):
    always_queue(2)

    def poisoned(samples, poison):
        return Means(samples, poison=poison), LeastSquares()

    both = rc.sweep(poisoned, {"samples": [3, 5, 8], "poison": [0, 1]}, trials=4).frame
    assert set(both[both.poison == 1].result) == {"diverged"}
    assert set(both[both.poison == 0].result) == {"converged"}


LARGE = Sizes(design=640_000, lane=8_000)


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
@pytest.mark.parametrize("share", ["trial", "none"])
@pytest.mark.parametrize("shape", [(1, 1), (8, 1024), (64, 16)])
def test_layouts_stay_within_memory_and_within_the_block(platform, share, shape):
    machine = Machine(platform, devices=1, memory=2**28)
    made = make_layout(LARGE, machine, share, shape, instances=10**6, max_steps=500, recorded=False)
    assert made.bytes <= machine.memory
    places = shape[1] if share == "trial" else shape[0] * shape[1]
    if made.slots is not None:
        assert 1 <= made.slots.exchange <= made.slots.width <= places
        assert 1 <= made.slots.tail <= made.slots.width
    else:
        assert 1 <= made.batch <= max(shape[0] if share == "trial" else places, 1)


def test_small_groups_and_histories_do_not_queue():
    machine = Machine("cpu", devices=1, memory=2**30)
    few = make_layout(LARGE, machine, "trial", (1, 1024), instances=10, max_steps=10, recorded=False)
    history = make_layout(LARGE, machine, "trial", (1, 1024), instances=10**6, max_steps=500, recorded=True)
    assert few.slots is None
    assert history.slots is None
