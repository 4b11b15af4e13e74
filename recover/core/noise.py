"""The noise level that a solver works with: the known one, the power of the data, and a floor at their rounding."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact, Int

from .numbers import squared_norm


def known_noise(solver: eqx.Module, problem: eqx.Module) -> Float[Array, ""] | None:
    """The standard deviation that the solver is told, else the one that the problem knows, else `None`."""
    return problem.noise if solver.noise is None else solver.noise


def power(observations: Inexact[Array, "..."], samples: Int[Array, ""]) -> Float[Array, ""]:
    r"""Energy per observation, $\|y\|^2 / m$; for data that vanish, that of $\|y\| = 1$."""
    energy = squared_norm(observations)
    return jnp.where(energy == 0, 1, energy) / samples.astype(energy.dtype)


def floored(noise_variance: Float[Array, ""], power: Float[Array, ""], units: ArrayLike) -> Float[Array, ""]:
    """A noise variance of at least so many units of rounding of the power of the data: less is below what can be seen."""
    return jnp.maximum(noise_variance, units * jnp.finfo(power.dtype).eps * power)
