"""The atomic inner product and stability, against NumPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.dictionaries import atomic_inner_product as atomic

coherence, pair_angles, second_moment = map(jax.jit, (atomic.coherence, atomic.pair_angles, atomic.second_moment))
stability, whitening = jax.jit(atomic.stability), jax.jit(atomic.whitening, static_argnames="ridge")
isometry_constants = jax.jit(atomic.isometry_constants, static_argnums=(1, 3))


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_whitening_is_a_root_of_the_inverse_second_moment():
    rows = draw(0, 500, 6) @ draw(1, 6, 6) + 1
    moment = np.asarray(second_moment(jnp.asarray(rows)))
    np.testing.assert_allclose(moment, rows.T @ rows / 500, rtol=1e-5, atol=1e-5)
    root = np.asarray(whitening(jnp.asarray(moment), 0.0), float)
    expected = np.linalg.inv(moment.astype(float))
    np.testing.assert_allclose(root @ root.T, expected, atol=2e-3 * np.abs(expected).max())


def test_masked_rows_and_padded_coordinates_change_nothing():
    rows = jnp.asarray(draw(2, 50, 4))
    padded = jnp.pad(rows, ((0, 7), (0, 3)))
    mask = jnp.arange(57, dtype=jnp.int32) < 50
    root = whitening(second_moment(padded, mask))
    np.testing.assert_allclose(root[:4, :4], whitening(second_moment(rows)), atol=1e-5)
    np.testing.assert_array_equal(root[4:, :4], 0)


def test_cosines_do_not_see_an_invertible_map():
    rows, units, mixing = draw(3, 400, 5), draw(4, 9, 5), draw(5, 5, 5) + 3 * np.eye(5, dtype=np.float32)
    before = pair_angles(jnp.asarray(units) @ whitening(second_moment(jnp.asarray(rows)), 0.0))
    after = pair_angles(jnp.asarray(units @ mixing) @ whitening(second_moment(jnp.asarray(rows @ mixing)), 0.0))
    np.testing.assert_allclose(before, after, atol=0.05)
    # Euclidean ones do.
    assert np.nanmax(np.abs(pair_angles(jnp.asarray(units)) - pair_angles(jnp.asarray(units @ mixing)))) > 5


def test_coherence_is_the_largest_cosine():
    units = draw(6, 7, 4)
    normed = units / np.linalg.norm(units, axis=1, keepdims=True)
    gram = np.abs(normed @ normed.T) - 2 * np.eye(7)
    assert float(coherence(jnp.asarray(units))) == pytest.approx(gram.max(), abs=1e-6)
    assert float(coherence(jnp.pad(jnp.asarray(units), ((0, 3), (0, 0))))) == pytest.approx(gram.max(), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_stability_is_the_largest_quantile_that_certifies(seed):
    rng = np.random.default_rng(seed)
    units, sizes = draw(10 + seed, 30, 12), rng.integers(0, 6, size=40)
    used = rng.random(30) < 0.8
    normed = units[used] / np.linalg.norm(units[used], axis=1, keepdims=True)
    pairs = np.abs(normed @ normed.T)[np.triu_indices(used.sum(), 1)]
    found = 0.0
    for share in np.linspace(0, 1, 4001)[1:]:
        # Inverted distribution functions: the least value that a share of all does not exceed.
        cosine = np.quantile(pairs, share, method="inverted_cdf")
        size = max(np.quantile(sizes, share, method="inverted_cdf"), 1)
        if cosine < 1 / (2 * size - 1):
            found = share
    value = stability(jnp.asarray(units), jnp.asarray(sizes, jnp.int32), jnp.asarray(used))
    assert float(value) == pytest.approx(found, abs=5e-4)


def test_stability_of_trivial_dictionaries():
    identity = jnp.eye(5)
    assert float(stability(identity, jnp.asarray([5], jnp.int32))) == 1
    # As many directions as one likes are stable with one active atom.
    assert float(stability(jnp.asarray(draw(9, 40, 3)), jnp.ones(4, jnp.int32))) == 1
    both = jnp.stack([jnp.ones((1,), jnp.int32), jnp.full((1,), 9, jnp.int32)])
    values = jax.vmap(lambda sizes: stability(jnp.asarray(draw(9, 40, 3)), sizes))(both)
    assert float(values[1]) < float(values[0])


def test_isometry_constants_are_those_of_the_supports_that_were_tried():
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((6, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = isometry_constants(jnp.asarray(rows), (1, 2, 3), jax.random.key(0), 400)
    # So many random supports of six rows are all of them.
    expected = [
        max(
            np.abs(np.linalg.eigvalsh(rows[list(support)] @ rows[list(support)].T) - 1).max()
            for support in itertools.combinations(range(6), size)
        )
        for size in (1, 2, 3)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)
