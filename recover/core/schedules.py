"""Schedules of learning rates over a traced number of steps, which those of Optax refuse (they compare it with zero)."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def cosine_decay(share: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$(1 + \cos \pi s) / 2$ for the share $s$ of the steps that is done: from one to zero, and constant outside of [0, 1]."""
    return (1 + jnp.cos(jnp.pi * jnp.clip(share, 0, 1))) / 2
