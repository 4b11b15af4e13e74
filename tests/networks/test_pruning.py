"""Iterative pruning against the rules it follows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.solvers import IterativePruning

PLAIN = {"batch": 16, "train_steps": 15}


@pytest.fixture(scope="module")
def problem():
    return rc.models.SparseTeacher((12, 3), 60, 0.25).sample(jax.random.key(0))[0]


def states(problem, solver, count):
    state = solver.init(problem, jax.random.key(1))
    step = eqx.filter_jit(type(solver).step)
    found = []
    for _ in range(count):
        state = step(solver, problem, state)
        found.append(state)
    return found


def flat(network):
    return np.concatenate([np.asarray(w).reshape(-1) for w in network.weights])


def test_sap_prunes_the_smallest_weights_by_the_bound(problem):
    for state in states(problem, IterativePruning.sap((6,), 0.5, 1.0, **PLAIN), 3):
        w, live, kept = flat(state.trained), np.asarray(state.live), np.asarray(state.kept)
        assert not np.any(w[~live])
        a = np.abs(w[live]).astype(float)
        share = 1 - np.mean(np.sqrt(a)) ** 2 / np.mean(a)
        expected = np.floor(len(a) - np.ceil(len(a) * (1 - share)))
        assert abs((live & ~kept).sum() - expected) <= 1
        assert np.abs(w[live & ~kept]).max() <= np.abs(w[kept]).min()


def test_fixed_shares_and_what_they_rank_by(problem):
    ticket = states(problem, IterativePruning.lottery_ticket((6,), 0.3, **PLAIN), 3)
    shot = states(problem, IterativePruning.one_shot((6,), 0.3, **PLAIN), 3)
    dense = np.abs(flat(shot[0].trained))
    np.testing.assert_array_equal(ticket[0].kept, shot[0].kept)
    for state in shot:
        kept = np.asarray(state.kept)
        assert dense[kept].min() >= dense[~kept].max()
    sizes = [int(np.asarray(state.kept).sum()) for state in ticket]
    expected, size = [], 90
    for _ in range(3):
        size -= int(np.floor(0.3 * size))
        expected.append(size)
    assert sizes == expected


def test_scopes_prune_within_their_groups(problem):
    for scope, groups in (("layer", [72, 18]), ("neuron", [12] * 6 + [6] * 3)):
        state = states(problem, IterativePruning.lottery_ticket((6,), 0.5, scope=scope, **PLAIN), 1)[0]
        parts = np.split(np.asarray(state.kept), np.cumsum(groups)[:-1])
        assert [int(part.sum()) for part in parts] == [size - size // 2 for size in groups]


def test_every_iteration_begins_at_the_first_weights(problem):
    solver = IterativePruning.lottery_ticket((), 0.4, batch=16, train_steps=1, learning_rate=1e-9)
    first, second = states(problem, solver, 2)
    np.testing.assert_allclose(flat(second.trained), flat(first.trained) * np.asarray(first.kept), atol=1e-6)


def test_training_learns(problem):
    solution = rc.solve(problem, IterativePruning.sap(batch=16, train_steps=200), max_steps=1)
    guessed = np.argmax(np.asarray(solution.value(problem.inputs)), axis=1)
    assert np.mean(guessed == np.argmax(np.asarray(problem.observations), axis=1)) > 0.9
    assert solution.stats["remaining"] == 1


def test_it_converges_when_nothing_is_left_to_prune(problem):
    solution = rc.solve(problem, IterativePruning.lottery_ticket((), 0.5, **PLAIN), max_steps=30)
    assert solution.result == rc.Result.converged
    assert jnp.sum(solution.value.kept[0]) == 1


def test_impossible_numbers_are_named():
    with pytest.raises(ValueError, match="p < q"):
        IterativePruning.sap((), 1.0, 1.0)
    with pytest.raises(ValueError, match="`scope` is 'row'"):
        IterativePruning.sap(scope="row")
    with pytest.raises(ValueError, match="`hidden`"):
        IterativePruning.sap((0,))


def test_a_dead_layer_is_said():
    first, second = np.ones((3, 4), np.float32), np.ones((2, 3), np.float32)
    kept = np.zeros((3, 4), np.float32)
    kept[1, 2] = 1
    cut = np.array([[1, 0, 1], [1, 0, 1]], np.float32)
    biases = (jnp.zeros(3), jnp.zeros(2))

    def network(masks):
        return rc.Network(tuple(map(jnp.asarray, (first, second))), biases, tuple(map(jnp.asarray, masks)))

    network((kept, np.ones_like(second))).pruned()
    # Each layer has weights left, but no path goes through both.
    with pytest.warns(UserWarning, match="a layer is dead"):
        pruned = network((kept, cut)).pruned()
    with pytest.warns(UserWarning, match="a layer is dead"):
        pruned(jnp.ones((1, 4)))
