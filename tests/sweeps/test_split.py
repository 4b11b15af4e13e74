"""What a queue holds once, per place, and in its loop: read off a trace of the first solve and of one step."""

import jax
import jax.numpy as jnp
import numpy as np

from recover.core.solve import start
from recover.sweeps.split import Occupant, Split, stepped
from tests.sweeps.toy import LeastSquares

DESIGN = np.linspace(1.0, 2.0, 12).astype(np.float32)


def begin(item):
    design = jnp.asarray(DESIGN)
    problem = (design, design * item.astype(jnp.float32))
    return Occupant(problem, jnp.zeros(()), LeastSquares(), start(problem, LeastSquares(), jax.random.key(0)))


def test_what_is_shared_is_held_once_and_what_a_step_changes_is_told_apart():
    split = Split(begin)
    shapes = [leaf.shape for leaf in split.shapes.fixed]
    assert shapes.count((12,)) == 1  # the observations; the design is shared
    assert len(split.shapes.moving) == 4  # estimate and round, verdict and steps


def test_joining_what_was_split_gives_the_occupant_back():
    split, occupant = Split(begin), stepped(begin(jnp.asarray(3)))
    joined = split.join(split.own(occupant))
    assert jax.tree.structure(joined) == jax.tree.structure(occupant)
    for got, wanted in zip(jax.tree.leaves(joined), jax.tree.leaves(occupant), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_an_array_that_only_some_steps_change_is_carried_through_the_loop():
    class Late(LeastSquares):
        """Changes its estimate from the second step on."""

        def step(self, problem, state):
            x, steps = super().step(problem, state)
            return jnp.where(steps > 1, x, state[0]), steps

    def begin_late(item):
        problem = begin(item).problem
        return Occupant(problem, jnp.zeros(()), Late(), start(problem, Late(), jax.random.key(0)))

    assert len(Split(begin_late).shapes.moving) == 4
