"""Modules that are made quickly are those that Equinox makes, are as frozen, and are refused alike."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import recover as rc
from recover.core import construction
from recover.core.fields import AbstractModule, Real, Size, leaf, size
from recover.core.sizes import capacities_of, program_key, with_capacities
from tests.registry import MODELS, SOLVERS


class Ball(AbstractModule):
    samples: Size = size(1)
    radius: Real = leaf(1.0, "positive")
    name: str = eqx.field(static=True, default="ball")

    def volume(self):
        return self.radius


class Forgetful(AbstractModule):
    samples: Size = size(1)
    forgotten: Real = leaf()

    def __init__(self, samples, forget=False):
        self.samples = samples
        if not forget:
            self.forgotten = 1.0


def slowly(kind, *args, **kwargs):
    """As Equinox makes the first instance of a class."""
    construction._inspected.discard(kind)
    return kind(*args, **kwargs)


def test_an_instance_is_that_of_equinox():
    for made in (lambda: Ball(3), lambda: Ball(samples=np.int64(3), radius=2, name="x")):
        slow, quick = slowly(Ball, 3) if made() == Ball(3) else slowly(Ball, 3, 2, "x"), made()
        assert jtu.tree_structure(slow) == jtu.tree_structure(quick)
        assert vars(slow).keys() == vars(quick).keys()
        assert all(
            np.asarray(a).dtype == np.asarray(b).dtype
            for a, b in zip(*map(jtu.tree_leaves, (slow, quick)), strict=True)
        )
        assert eqx.tree_equal(slow, quick)
        assert capacities_of(quick) == {"samples": 3}


def test_instances_are_frozen_and_their_names_are_checked():
    ball = Ball(3)
    for name in ("radius", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError, match=name):
            setattr(ball, name, 1.0)
    with pytest.raises(TypeError, match="other"):
        Ball(3, other=1)
    with pytest.raises(ValueError, match="Ball: `radius` is -1"):
        Ball(3, radius=-1.0)
    assert not construction._open


def test_a_field_that_is_left_out_is_named():
    Forgetful(1)
    with pytest.raises(TypeError, match="'forgotten' was not initialized"):
        Forgetful(1, forget=True)


def test_what_equinox_warns_of_is_still_seen():
    Ball(3)
    with pytest.warns(UserWarning, match="static"):
        Ball(3, name=jnp.ones(2))


def test_traced_numbers_and_batches_are_taken():
    Ball(3)
    found = jax.vmap(lambda radius: Ball(3, radius).volume())(jnp.arange(1.0, 4.0))
    np.testing.assert_array_equal(found, [1, 2, 3])


def test_keys_of_programs_are_those_of_the_structure():
    modules = [*(make() for make in MODELS.values()), *(case.solver() for case in SOLVERS.values())]
    modules += [
        rc.solvers.OMP(3),
        rc.solvers.OMP(4),
        rc.solvers.Raveled(rc.solvers.OMP(3)),
        rc.solvers.AMP(relaxation=1),
    ]

    def structure(module):
        leaves, found = jtu.tree_flatten(with_capacities(module, None))
        return found, tuple(np.shape(leaf) for leaf in leaves)

    structures, keys = list(map(structure, modules)), list(map(program_key, modules))
    for one in range(len(modules)):
        for other in range(one):
            assert (structures[one] == structures[other]) == (keys[one] == keys[other])
            assert keys[one] != keys[other] or hash(keys[one]) == hash(keys[other])
