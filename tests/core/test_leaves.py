import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

import recover as rc
from recover.core.fields import AbstractModule, leaf, size
from recover.core.leaves import all_finite, as_leaf, as_real_leaf, cast_floating, floating_dtype
from recover.core.sizes import capacities_of, capacity, concrete_capacities, row_mask, with_capacities


def test_numbers_become_traced_leaves():
    assert as_leaf(3).dtype == np.int32
    assert as_leaf(0.5).shape == ()
    assert as_leaf(None) is None
    array = jnp.ones(2)
    assert as_leaf(array) is array


def test_a_float_field_takes_integers_as_floats():
    same = jax.tree_util.tree_structure(rc.solvers.AMP(relaxation=1)) == jax.tree_util.tree_structure(rc.solvers.AMP())
    assert same
    assert rc.solvers.AMP(relaxation=1).relaxation.dtype == np.float64


def test_dtype_is_that_of_the_data():
    assert floating_dtype({"a": jnp.ones(2, jnp.float16), "b": jnp.arange(2)}) == jnp.float32
    assert floating_dtype(jnp.ones(2, jnp.complex64)) == jnp.float32
    assert floating_dtype(jnp.arange(2)) == jnp.float32
    tree = cast_floating({"a": np.asarray(0.5), "b": np.asarray(2)}, jnp.float32)
    assert tree["a"].dtype == jnp.float32
    assert jnp.issubdtype(tree["b"].dtype, jnp.integer)


@pytest.mark.parametrize(("value", "finite"), [(1.0, True), (np.nan, False), (np.inf, False)])
def test_one_bad_entry_is_seen(value, finite):
    assert bool(all_finite({"a": jnp.ones(3), "b": jnp.asarray([0.0, value]), "c": jnp.arange(3)})) == finite


def test_capacities_are_the_largest_of_concrete_sizes():
    model = rc.models.SparseRegression(10, 4, 2)
    assert concrete_capacities(samples=np.asarray([3, 7]), rank=None) == (("samples", 7),)
    assert capacity(with_capacities(model, {"samples": 9}), "samples") == 9
    assert model.capacities == (("samples", 4),)
    np.testing.assert_array_equal(row_mask(2, 4), [True, True, False, False])


def test_capacities_reach_the_modules_that_a_module_holds():
    training = rc.solvers.AutoencoderTraining(6, rc.autoencoders.TopK(2))
    solver = rc.solvers.RepeatedTraining(training)
    assert capacities_of(solver) == {"width": 6}
    wide = with_capacities(solver, {"width": 9})
    assert capacity(wide, "width") == capacity(wide.training, "width") == 9
    assert capacity(solver, "width") == 6
    assert capacities_of(with_capacities(solver, None)) == {}
    outer = rc.solvers.Raveled(rc.solvers.OMP(3))
    assert capacities_of(outer) == {"sparsity": 3}


def test_a_module_without_sizes_is_returned_as_it_is():
    solver = rc.solvers.AMP()
    assert with_capacities(solver, {"samples": 3}) is solver


@pytest.mark.parametrize("value", [10**13, 2**33, -(2**31) - 1, 2**70, np.int64(2**31), np.asarray([1, 2**40])])
def test_integers_that_do_not_fit_are_refused(value):
    with pytest.raises(
        ValueError, match=f"is {np.max(value) if np.max(value) > 0 else value}; integers from -2147483648"
    ):
        as_leaf(value)


def test_integers_that_fit_and_large_real_numbers_are_kept():
    assert as_leaf(2**31 - 1) == 2**31 - 1
    assert as_leaf(-(2**31)) == -(2**31)
    assert as_leaf(np.asarray([2**32 - 1], np.uint64))[0] == 2**32 - 1
    assert as_real_leaf(10**13) == 1e13


class Counted(AbstractModule):
    plain: Array = leaf()
    total: Array = size(1, default=1)
    real: Array = leaf(1.0)


@pytest.mark.parametrize("name", ["plain", "total"])
def test_a_field_that_does_not_fit_is_named(name):
    with pytest.raises(ValueError, match=f"Counted: `{name}` is 10000000000000; integers from"):
        Counted(**{"plain": 1, name: 10**13})
    assert Counted(plain=1, real=10**13).real == 1e13


def test_arrays_of_integers_that_do_not_fit_are_refused_at_the_door():
    with pytest.raises(ValueError, match="is 1099511627776; integers"):
        cast_floating({"ids": np.asarray([1, 2**40])}, np.float32)
