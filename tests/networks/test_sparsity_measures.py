"""Measures of sparsity against NumPy and what is known of them."""

import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.networks.sparsity_measures import grouped_pq_index


def index(w, p, q):
    w = np.abs(np.asarray(w, float))
    return 1 - len(w) ** (1 / q - 1 / p) * (w**p).sum() ** (1 / p) / (w**q).sum() ** (1 / q)


@pytest.mark.parametrize(("p", "q"), [(0.1, 1.0), (0.5, 1.0), (1.0, 2.0), (1.3, 3.0)])
def test_index_is_its_definition_on_the_live_entries(p, q):
    rng = np.random.default_rng(0)
    w, live = rng.normal(size=50).astype(np.float32), rng.uniform(size=50) < 0.6
    w[live.argmax()] = 0
    np.testing.assert_allclose(rc.pq_index(jnp.asarray(w), p, q, jnp.asarray(live)), index(w[live], p, q), rtol=2e-4)


def test_index_of_extreme_vectors():
    assert rc.pq_index(jnp.full(7, -3.0), 0.5, 1.0) == pytest.approx(0, abs=1e-6)
    one = jnp.zeros(16).at[3].set(5.0)
    assert rc.pq_index(one, 0.5, 1.0) == pytest.approx(1 - 1 / 16, abs=1e-6)
    assert rc.pq_index(jnp.zeros(4), 0.5, 1.0) == 0
    assert rc.pq_index(jnp.ones(4), 0.5, 1.0, jnp.zeros(4, bool)) == 0


def test_groups_have_their_own_index():
    rng = np.random.default_rng(1)
    w, groups = rng.normal(size=60).astype(np.float32), np.repeat([2, 0, 1], 20)
    found = grouped_pq_index(jnp.asarray(w), 0.5, 1.0, jnp.ones(60, bool), jnp.asarray(groups, jnp.int32), 3)
    np.testing.assert_allclose(found, [index(w[groups == g], 0.5, 1) for g in range(3)], rtol=1e-4)


def test_integers_are_floats_and_wrong_arguments_are_named():
    small = np.array([1, 2, 3, 40], np.int8)
    np.testing.assert_allclose(rc.pq_index(small, 0.5, 1.0), rc.pq_index(small.astype(float), 0.5, 1.0))
    np.testing.assert_allclose(rc.gini_index(np.array([-128, 1], np.int8)), rc.gini_index(np.array([-128.0, 1.0])))
    for call, error, message in [
        (lambda: rc.pq_index(small, 1.0, 0.5), ValueError, "pq_index: `p` is 1.0 and `q` is 0.5"),
        (lambda: rc.pq_index(small, 0, 0.5), ValueError, "pq_index: `p` is 0; a positive number"),
        (lambda: rc.pq_index(small * 1j, 0.5, 1.0), TypeError, "pq_index: `values` is complex128"),
        (
            lambda: rc.pq_index(np.array([1, np.nan]), 0.5, 1.0),
            ValueError,
            "pq_index: `values` is not finite in 1 of 2",
        ),
        (lambda: rc.pq_index("abc", 0.5, 1.0), TypeError, "pq_index: `values` is 'abc'"),
        (lambda: rc.pq_index(small, 0.5, 1.0, small[:2] > 0), ValueError, r"pq_index: `live` has shape \(2,\)"),
        (lambda: rc.gini_index(3.0), ValueError, r"gini_index: `values` has shape \(\)"),
    ]:
        with pytest.raises(error, match=message):
            call()


def test_an_entry_that_is_not_finite_spoils_its_own_group_alone():
    values, groups = jnp.asarray([1.0, jnp.nan, 1.0, 3.0, jnp.inf]), jnp.asarray([0, 0, 1, 1, 1])
    live = jnp.asarray([True, True, True, True, False])
    found = grouped_pq_index(values, 0.5, 1.0, live, groups, 2)
    assert np.isnan(found[0])
    assert float(found[1]) == pytest.approx(index([1.0, 3.0], 0.5, 1.0), rel=1e-4)
    assert float(rc.pq_index(values, 0.5, 1.0, live & (groups == 1))) == pytest.approx(found[1])
