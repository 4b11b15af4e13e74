"""Surfaces with planted jumps: gridding, heights, and how jumps are read off and scored."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.sizes import with_capacities
from recover.surfaces.gridding import fill_empty, grid_means
from recover.surfaces.jumps import Surface, enclosed, jump_metrics, jump_set, jump_sizes
from tests.compiled import compiled


def test_grid_means_are_histograms_and_holes_take_the_nearest_point():
    random = np.random.default_rng(0)
    points, outcomes = random.random((40, 2)).astype(np.float32), random.random(40).astype(np.float32)
    used = random.random(40) < 0.7
    means = np.asarray(grid_means(jnp.asarray(points), jnp.asarray(outcomes), (6, 6), jnp.asarray(used)))
    edges = np.linspace(0, 1, 7)
    sums = np.histogram2d(*points[used].T, bins=(edges, edges), weights=outcomes[used])[0]
    counts = np.histogram2d(*points[used].T, bins=(edges, edges))[0]
    assert (counts == 0).any()
    for i in range(6):
        for j in range(6):
            centre = (np.array([i, j]) + 0.5) / 6
            nearest = outcomes[used][np.argmin(((points[used] - centre) ** 2).sum(1))]
            expected = sums[i, j] / counts[i, j] if counts[i, j] else nearest
            np.testing.assert_allclose(means[i, j], expected, rtol=1e-5)


def test_empty_cells_take_the_nearest_known_value():
    values = jnp.asarray([[1.0, 0.0, 0.0], [0.0, 0.0, 5.0]])
    filled = fill_empty(values, jnp.asarray([[True, False, False], [False, False, True]]))
    assert filled[0, 0] == filled[1, 0] == 1
    assert filled[0, 2] == filled[1, 2] == 5


@pytest.mark.parametrize(("noise", "height"), [(0.05, 0.113), (0.01, 0.1066)])
def test_heights_are_those_of_the_tables(noise, height):
    assert abs(float(rc.models.JumpSurface(2, 5000, noise=noise, jump=0.75).height) - height) < 1e-3


def test_the_wave_has_the_published_jumps():
    model = rc.models.JumpSurface(1, 1000)
    truth = model.truth(jnp.float32)
    assert model.cells == 50
    np.testing.assert_allclose(
        np.asarray(truth.sizes)[np.asarray(truth.jumps)], [0.127, 0.212, 0.318, 0.424], atol=1e-3
    )
    assert [rc.models.JumpSurface(d, n).cells for d, n in ((1, 500), (2, 5000), (2, 20000), (3, 10000))] == [
        25,
        15,
        31,
        18,
    ]


@pytest.mark.parametrize("cells", [25, 40, 50, 63])
def test_compiled_or_not_the_wave_has_four_jumps(cells):
    model = rc.models.JumpSurface(1, 1000, cells=cells)
    for truth in (
        model.truth(jnp.float32),
        jax.jit(lambda: model.truth(jnp.float32))(),
        model.sample(jax.random.key(0))[1],
    ):
        assert np.sum(truth.jumps) == 4
        assert np.all((truth.sizes == 0) | (truth.sizes > 0.1))


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_spread_of_the_cone_is_that_of_uniform_points(dimension):
    points = np.random.default_rng(0).random((400_000, dimension))
    spread = np.sqrt(np.var(np.linalg.norm(points - 0.5, axis=1)) + 0.05**2)
    np.testing.assert_allclose(
        float(rc.models.JumpSurface(dimension, 100, cells=4, jump=1.0).height), spread, rtol=5e-3
    )


def test_a_surface_explains_its_own_values():
    values = np.arange(6.0).reshape(2, 3)
    problem = rc.SurfaceProblem(values)
    same = Surface(jnp.asarray(values, jnp.float32), jnp.zeros((2, 3)))
    np.testing.assert_allclose(problem.residual(same), 0, atol=1e-6)
    assert problem.mask.all()
    assert float(problem.count) == 6


def test_more_room_for_points_changes_no_instance():
    model, key = rc.models.JumpSurface(2, 300, cells=6), jax.random.key(2)
    problem, _ = model.sample(key)
    wide, _ = with_capacities(model, {"samples": 400}).sample(key)
    np.testing.assert_allclose(problem.observations, wide.observations, atol=1e-6)


def test_sizes_of_jumps_are_ranges_over_the_walk():
    values = jnp.asarray([0.0, 0.0, 0.3, 0.7, 1.0, 1.0, 0.5, 0.5])
    jumps = jump_set(values, jnp.asarray(0.2))
    assert np.flatnonzero(jumps).tolist() == [1, 2, 3, 5]
    np.testing.assert_allclose(jump_sizes(values, jumps), [0, 1, 1, 1, 0, 0.5, 0, 0])
    # A function and its reflection in value have the same jumps.
    np.testing.assert_allclose(jump_sizes(-values, jump_set(-values, jnp.asarray(0.2))), jump_sizes(values, jumps))


def test_neighbours_of_a_jump_are_neither_missed_nor_invented():
    sizes = jnp.zeros(10).at[4].set(1.0)
    truth = Surface(jnp.where(jnp.arange(10) > 4, 1.0, 0.0), sizes)
    near = jump_metrics(truth, Surface(truth.values, jnp.zeros(10).at[5].set(0.8)))
    assert near["false_positive"] == near["false_negative"] == 0
    np.testing.assert_allclose(near["jump_bias"], -0.2, atol=1e-6)
    far = jump_metrics(truth, Surface(truth.values, jnp.zeros(10).at[8].set(0.8)))
    np.testing.assert_allclose([far["false_positive"], far["false_negative"]], [1 / 9, 1])


def test_a_map_loses_what_was_planted():
    model = rc.models.ShutdownMap(24, drop=0.3, spread=0.0, empty=0.0, cap=1.0)
    problem, truth = model.sample(jax.random.key(1))
    np.testing.assert_allclose(problem.outcomes(problem.observations), truth.values, rtol=1e-4)
    metrics = compiled(model.metrics, truth, truth)
    assert metrics["f1"] == 1
    np.testing.assert_allclose(metrics["estimated_drop"], 0.3, atol=0.03)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: rc.models.JumpSurface(4, 100), "JumpSurface: `dimension` is 4"),
        (lambda: rc.models.JumpSurface(2, 0), "JumpSurface: `samples` is 0"),
        (lambda: rc.models.JumpSurface(2, 100, noise=-1), "JumpSurface: `noise` is -1"),
        (lambda: rc.models.ShutdownMap(10, drop=1.0), "ShutdownMap: `drop` is 1.0"),
    ],
)
def test_bad_numbers_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_ring_encloses_the_centre_unless_it_has_a_hole():
    ring = np.zeros((9, 9), bool)
    ring[2:7, 2:7] = True
    ring[3:6, 3:6] = False
    assert enclosed(ring)
    ring[4, 2] = False
    assert not enclosed(ring)
    # Sides, not corners, are paths.
    ring[4, 2], ring[2, 2] = True, False
    assert enclosed(ring)


def test_points_outside_of_the_box_are_refused_or_scaled():
    points = np.random.default_rng(0).uniform([-10.0, 40.0], [5.0, 60.0], (200, 2))
    outcomes = points[:, 0] + points[:, 1]
    with pytest.raises(
        ValueError, match=r"grid_means: `points` has 200 of 200 points outside of the box from .* as `box="
    ):
        grid_means(points, outcomes, (6, 8))
    box = [[-10.0, 40.0], [5.0, 60.0]]
    means = grid_means(points, outcomes, (6, 8), box=box)
    unit = (points - box[0]) / np.diff(box, axis=0)
    np.testing.assert_allclose(means, grid_means(unit * np.array([0.75, 1.0]), outcomes, (6, 8)), rtol=1e-5)
    for arguments, message in [
        ({"box": [[-10, 40], [-10, 60]]}, "`box` is"),
        ({"box": [-10, 40, 5, 60]}, "`box` has shape"),
        ({"cells": (6,)}, r"`cells` is \(6,\), a tuple; 2 positive integers"),
        ({"cells": (6, 2.5)}, "`cells` is"),
        ({"outcomes": outcomes[:5]}, r"`outcomes` has shape \(5,\)"),
        ({"points": np.where(points > 0, np.nan, points)}, "`points` is not finite"),
        ({"used": np.ones(5)}, r"`used` has shape \(5,\)"),
    ]:
        with pytest.raises(ValueError, match=f"grid_means: {message}"):
            grid_means(**{"points": points, "outcomes": outcomes, "cells": (6, 8), "box": box, **arguments})


def test_arrays_of_numpy_with_holes_are_filled():
    values = np.array([[1.0, np.nan], [np.nan, 4.0]])
    np.testing.assert_array_equal(fill_empty(values, ~np.isnan(values)), [[1, 1], [1, 4]])
    with pytest.raises(ValueError, match="fill_empty: `known` is false everywhere"):
        fill_empty(values, np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="fill_empty: `values` is not finite"):
        fill_empty(values, np.ones((2, 2), bool))
    with pytest.raises(ValueError, match=r"SurfaceProblem: `values` is not finite .* Holes are filled by"):
        rc.SurfaceProblem(values)
