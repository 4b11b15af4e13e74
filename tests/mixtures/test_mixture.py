import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from recover.mixtures import mixture as mixtures
from recover.mixtures.mixture import Mixture
from recover.mixtures.spatial import box_means, box_sums, neighbour_means

# Compiled, since one operation at a time they would be compiled many times.
gini_level, hoyer_level = jax.jit(mixtures.gini_level), jax.jit(mixtures.hoyer_level)
matched, spectral_angles = mixtures.matched, jax.jit(mixtures.spectral_angles)
RNG = np.random.default_rng(0)


def sorted_gini(column):
    """The formula with sorted entries."""
    ordered, size = np.sort(column), len(column)
    position = np.arange(1, size + 1)
    return size / (size - 1) * (1 - 2 * np.sum(ordered / ordered.sum() * (size - position + 0.5) / size))


@pytest.mark.parametrize("padding", [0, 3])
def test_levels_are_those_of_sorted_entries_and_ignore_padding(padding):
    columns = RNG.dirichlet(np.ones(5), 30).T.astype(np.float32)
    padded = jnp.asarray(np.pad(columns, ((0, padding), (0, 0))))
    np.testing.assert_allclose(gini_level(padded, jnp.asarray(5)), [sorted_gini(c) for c in columns.T], atol=1e-6)
    hoyer = (np.sqrt(5) - columns.sum(axis=0) / np.linalg.norm(columns, axis=0)) / (np.sqrt(5) - 1)
    np.testing.assert_allclose(hoyer_level(padded, jnp.asarray(5)), hoyer, atol=1e-6)


def test_levels_of_uniform_pure_and_empty_pixels():
    columns = jnp.asarray([[0.25, 3.0, 0.0], [0.25, 0.0, 0.0], [0.25, 0.0, 0.0], [0.25, 0.0, 0.0]])
    for level in (gini_level, hoyer_level):
        np.testing.assert_allclose(level(columns, jnp.asarray(4)), [0, 1, 0], atol=1e-6)


def test_angles_are_exact_when_small_and_for_empty_columns():
    first = RNG.uniform(0.1, 1, (50, 3))
    second = first * [2.0, 0.5, 1.0] + np.array([0, 1e-5, 0.1]) * RNG.standard_normal((50, 3))
    with jax.enable_x64(True):
        # The first columns are parallel, where rounding may put a cosine above one.
        cosines = np.clip(
            (first.T @ second) / np.outer(np.linalg.norm(first, axis=0), np.linalg.norm(second, axis=0)), -1, 1
        )
        np.testing.assert_allclose(
            spectral_angles(jnp.asarray(first), jnp.asarray(second)), np.arccos(cosines), atol=1e-7
        )
    single = spectral_angles(jnp.asarray(first, jnp.float32), jnp.asarray(second, jnp.float32))
    exact = np.arccos(cosines)
    assert abs(single[1, 1] - exact[1, 1]) < 2e-6
    empty = jnp.asarray(first, jnp.float32).at[:, 2].set(0)
    angles = spectral_angles(empty, empty)
    assert angles[2, 2] == 0
    np.testing.assert_allclose(angles[2, :2], np.pi / 2, rtol=1e-6)


def test_errors_do_not_see_order_scale_or_outlier_channels():
    endmembers = jnp.asarray(RNG.uniform(0.1, 1, (20, 4)), jnp.float32)
    abundances = jnp.asarray(RNG.dirichlet(np.ones(4), 50).T, jnp.float32)
    weights = jnp.ones(20).at[3].set(0)
    truth = Mixture(endmembers, abundances, jnp.zeros(50), weights)
    order = jnp.asarray([2, 0, 3, 1])
    same = Mixture(5 * endmembers[:, order].at[3].set(9.0), 3 * abundances[order], jnp.ones(50), jnp.ones(20))
    for values in matched(truth, same):
        np.testing.assert_allclose(values, 0, atol=1e-6)
    off = Mixture(endmembers, abundances.at[0].add(0.1).at[1].add(-0.1), jnp.zeros(50), weights)
    np.testing.assert_allclose(matched(truth, off)[1], [0.1, 0.1, 0, 0], atol=1e-6)


@pytest.mark.parametrize("width", [1, 3, 9])
def test_local_means_leave_out_what_lies_beyond_the_boundary(width):
    image = RNG.standard_normal((2, 12, 15))
    inside = np.ones((12, 15))
    sums = [uniform_filter(each, width, mode="constant") * width**2 for each in (*image, inside)]
    with jax.enable_x64(True):
        np.testing.assert_allclose(box_sums(jnp.asarray(image), width), sums[:2], atol=1e-12)
        np.testing.assert_allclose(box_means(jnp.asarray(image), width), np.stack(sums[:2]) / sums[2], atol=1e-12)


def test_neighbours_are_four_inside_and_fewer_at_the_boundary():
    image = np.arange(12.0).reshape(3, 4)
    with jax.enable_x64(True):
        found = np.asarray(neighbour_means(jnp.asarray(image)))
    assert found[1, 1] == (image[0, 1] + image[2, 1] + image[1, 0] + image[1, 2]) / 4
    assert found[0, 0] == (image[0, 1] + image[1, 0]) / 2
