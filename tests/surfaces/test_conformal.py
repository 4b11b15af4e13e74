import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover import models, solvers
from recover.surfaces.conformal import ConformalBand, conformal_band


def test_width_is_the_residual_of_the_right_rank_and_covers():
    model = models.JumpSurface(2, 400, cells=4, noise=0.1)
    keys = jax.random.split(jax.random.key(0), 4)
    points = model.design(keys[0])
    solver = solvers.FreeDiscontinuityRegression(50.0, 0.01, levels=4)
    band = conformal_band(points, model.outcomes(keys[1], points), model.shape, solver, coverage=0.9, max_steps=20)

    residuals = band.residuals(points[200:], model.outcomes(keys[1], points)[200:])
    assert np.sum(np.asarray(residuals <= band.width)) == 181  # the smallest whole number from 201 * 0.9 on

    fresh = model.design(keys[2])
    covered = jnp.mean(band.residuals(fresh, model.outcomes(keys[3], fresh)) <= band.width)
    assert abs(float(covered) - 0.9) < 0.08


def test_residuals_are_those_of_the_cell_a_point_lies_in():
    model = models.JumpSurface(1, 40, cells=4, noise=0.1)
    points = model.design(jax.random.key(0))
    solver = solvers.FreeDiscontinuityRegression(50.0, 0.01, levels=4)
    band = conformal_band(points, model.outcomes(jax.random.key(1), points), (4,), solver, max_steps=3)
    found = band.residuals(jnp.asarray([[0.1], [0.3], [0.99], [1.0]]), jnp.zeros(4))
    np.testing.assert_allclose(found, np.abs(np.asarray(band.values)[[0, 1, 3, 3]]))


def test_points_beyond_the_grid_are_refused():
    band = ConformalBand(jnp.ones((4, 4)), jnp.zeros(()))
    with pytest.raises(ValueError, match=r"ConformalBand.residuals: `points` has 1 of 2 points outside of the box"):
        band.residuals(jnp.asarray([[0.5, 0.5], [2.0, 48.0]]), jnp.zeros(2))
