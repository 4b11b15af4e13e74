"""Momentum of accelerated gradient methods."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from .numbers import real_product


def extrapolate(momentum, extrapolated, old, new, restart: Bool[Array, ""] | None = None):
    """Nesterov's momentum with the gradient test of O'Donoghue and Candès (odonoghue2015) for restarting it."""
    uphill = jnp.sum(real_product(extrapolated - new, new - old)) > 0
    if restart is not None:
        uphill = uphill | restart
    next_momentum = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
    further = new + ((momentum - 1) / next_momentum).astype(new.dtype) * (new - old)
    return jnp.where(uphill, 1, next_momentum), jnp.where(uphill, new, further)
