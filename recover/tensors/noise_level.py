"""The noise variance that sparse Bayesian learning works with: known or learnt, and never below the rounding of the data."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..core.noise import floored, power
from .problem import KroneckerProblem

# The least noise variance, in rounding units of the energy per observation.
_FLOOR = 30


def first_noise_variance(
    problem: KroneckerProblem, known: Float[Array, ""] | None, learn: Bool[Array, ""]
) -> Float[Array, ""]:
    """The square of the known standard deviation; a tenth of the energy per observation where it is to be learnt."""
    level = power(problem.observations, problem.samples)
    variance = level / 10 if known is None else jnp.where(learn, level / 10, known**2)
    return floored(variance, level, _FLOOR)


def next_noise_variance(
    problem: KroneckerProblem,
    known: Float[Array, ""] | None,
    learn: Bool[Array, ""],
    current: Float[Array, ""],
    update: Float[Array, ""],
) -> Float[Array, ""]:
    """The update of expectation maximisation where the noise is learnt, else the current variance."""
    learnt = floored(update, power(problem.observations, problem.samples), _FLOOR)
    return learnt if known is None else jnp.where(learn, learnt, current)
