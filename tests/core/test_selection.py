import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.core.selection import first_largest, hard_threshold, largest_mask, largest_mask_of_rows


def reference(values, count):
    mask = np.zeros(len(values), bool)
    mask[np.argsort(-values, kind="stable")[:count]] = True
    return mask


@hypothesis.settings(deadline=None, max_examples=60)
@hypothesis.given(
    hnp.arrays(
        np.float32, 17, elements=st.sampled_from([0.0, 1e-40, 1e-8, 0.5, 1.0, 1.0000001, 3e38]), fill=st.nothing()
    ),
    st.integers(0, 17),
)
def test_mask_of_the_largest_breaks_ties_by_index(values, count):
    np.testing.assert_array_equal(jax.jit(largest_mask)(values, np.int32(count)), reference(values, count))


def test_mask_under_vmap_with_different_counts():
    values = jnp.abs(jax.random.normal(jax.random.key(0), (6, 40)))
    counts = jnp.asarray([0, 1, 5, 20, 39, 40])
    masks = jax.vmap(largest_mask)(values, counts)
    np.testing.assert_array_equal(masks.sum(axis=1), counts)


@pytest.mark.parametrize("count", [0, 1, 5, 16, 40, 1000])
def test_masks_of_rows_are_those_of_each_row_or_of_all_together(count):
    # Ties, and rows of zeros.
    values = jnp.round(2 * jnp.abs(jax.random.normal(jax.random.key(1), (7, 16)))).at[3].set(0)
    masks = jax.jit(largest_mask_of_rows)
    one_by_one = jax.vmap(largest_mask, (0, None))(values, jnp.asarray(count)) & (values > 0)
    np.testing.assert_array_equal(masks(values, jnp.asarray(count), jnp.asarray(False)), one_by_one)
    together = largest_mask(values.reshape(-1), jnp.asarray(count)).reshape(values.shape) & (values > 0)
    np.testing.assert_array_equal(masks(values, jnp.asarray(count), jnp.asarray(True)), together)


def test_mask_in_double_precision_separates_neighbours():
    with jax.enable_x64(True):
        values = jnp.asarray([1.0, 1.0 + 1e-15, 1.0 - 1e-15])
        np.testing.assert_array_equal(largest_mask(values, jnp.asarray(1)), [False, True, False])


def test_not_a_number_is_selected_so_that_it_is_seen():
    assert bool(largest_mask(jnp.asarray([1.0, jnp.nan, 2.0]), jnp.asarray(1))[1])


@pytest.mark.parametrize("count", [0, 2, 4])
def test_hard_threshold_keeps_values(count):
    v = jnp.asarray([0.1, -3.0, 2.0, -0.5])
    kept = hard_threshold(v, jnp.asarray(count))
    np.testing.assert_array_equal(kept, np.where(reference(np.abs(np.asarray(v)), count), v, 0))


def test_first_largest_is_argmax():
    values = jax.random.randint(jax.random.key(1), (50, 30), -5, 5).astype(jnp.float32)
    chosen = jax.jit(jax.vmap(first_largest))(values)
    np.testing.assert_array_equal(chosen, jnp.argmax(values, axis=1))
    assert chosen.dtype == jnp.int32
    broken = jnp.asarray([1.0, jnp.nan, 3.0])
    assert 0 <= first_largest(broken) < 3
