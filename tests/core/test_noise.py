"""The noise level that solvers fall back on."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from recover.core.noise import floored, known_noise, power


class Level(eqx.Module):
    noise: Array | None


def test_a_solver_is_told_more_than_the_problem_knows():
    one, two = Level(jnp.asarray(1.0)), Level(jnp.asarray(2.0))
    assert known_noise(one, two) == 1
    assert known_noise(Level(None), two) == 2
    assert known_noise(Level(None), Level(None)) is None


def test_power_is_energy_per_observation():
    samples = jnp.asarray(2)
    assert power(jnp.asarray([3.0, 4.0, 0.0]), samples) == 12.5
    assert power(jnp.asarray([3.0j, 4.0, 0.0]), samples) == 12.5
    assert power(jnp.zeros(3), samples) == 0.5


def test_the_floor_is_in_units_of_rounding():
    level = jnp.asarray(4.0)
    np.testing.assert_allclose(floored(jnp.asarray(0.0), level, 30), 120 * np.finfo(np.float32).eps)
    assert floored(jnp.asarray(1.0), level, 30) == 1
