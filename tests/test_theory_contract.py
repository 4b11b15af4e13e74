"""What every listed prediction promises; and that what is public is listed."""

import functools
import inspect
import os

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import recover as rc
from recover.core.model import AbstractModel
from recover.core.solver import AbstractSolver
from tests.registry import MODELS, SOLVERS, THEORY

ALL = bool(os.environ.get("RECOVER_ALL_CONTRACTS"))
# Solvers of what no model draws, and a name that goes with the next release.
NOT_LISTED = {"GradientDescent", "CertifiedTraining"}

predictions = pytest.mark.parametrize("name", THEORY)


def concrete(index, base):
    """The classes of an index that one can build."""
    found = {name: getattr(index, name) for name in index.__all__}
    return {name for name, each in found.items() if isinstance(each, type) and issubclass(each, base)} - {
        name for name in found if name.startswith("Abstract")
    }


def test_every_model_is_listed():
    assert concrete(rc.models, AbstractModel) == {type(model()).__name__ for model in MODELS.values()}


def test_every_solver_is_listed():
    listed = {type(case.solver()).__name__ for case in SOLVERS.values()}
    assert concrete(rc.solvers, AbstractSolver) - NOT_LISTED == listed


def test_every_prediction_is_listed():
    assert {name for name in rc.theory.__all__ if inspect.isroutine(getattr(rc.theory, name))} == set(THEORY)


def function(name):
    return functools.partial(getattr(rc.theory, name), **THEORY[name].options)


def arguments(name, dtype=np.float32):
    return jtu.tree_map(
        lambda leaf: np.asarray(leaf, None if np.asarray(leaf).dtype == bool else dtype), THEORY[name].arguments
    )


def lanes(leaf):
    """One instance, another a little away, and the first again."""
    return np.stack([leaf, leaf if leaf.dtype == bool else leaf * np.asarray(1.02, leaf.dtype), leaf])


@predictions
def test_a_prediction_is_finite_and_the_same_in_a_batch(name):
    given = arguments(name)
    alone = jtu.tree_leaves(function(name)(*jtu.tree_map(jnp.asarray, given)))
    batch = jtu.tree_leaves(jax.jit(jax.vmap(function(name)))(*jtu.tree_map(lanes, given)))
    assert alone
    for one, many in zip(alone, batch, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_allclose(many[0], one, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(many[0], many[2])


@predictions
def test_a_prediction_has_the_precision_of_its_arguments(name):
    with jax.enable_x64(True):
        shapes = jax.eval_shape(function(name), *arguments(name, np.float64))
        floats = [leaf for leaf in jtu.tree_leaves(shapes) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
        assert floats
        assert {leaf.dtype for leaf in floats} == {jnp.dtype("float64")}


@pytest.mark.parametrize("name", THEORY if ALL else ["donoho_tanner_weak"])
def test_a_prediction_lowers_for_every_platform(name):
    exported = jax.export.export(jax.jit(function(name)), platforms=("cpu", "cuda", "tpu"))(*arguments(name))
    assert exported.platforms == ("cpu", "cuda", "tpu")
