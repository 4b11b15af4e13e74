"""Directions at a given angle."""

import jax.numpy as jnp
from jaxtyping import Array, Inexact

from .fields import Real
from .numbers import unit


def at_cosine(signal: Inexact[Array, " n"], other: Inexact[Array, " n"], cosine: Real) -> Inexact[Array, " n"]:
    """The unit vector of a cosine with a signal, in the plane of the signal and another vector."""
    signal = unit(signal)
    across = unit(other - jnp.vdot(signal, other) * signal)
    cosine = jnp.asarray(cosine, jnp.real(signal).dtype)
    return cosine.astype(signal.dtype) * signal + jnp.sqrt(1 - cosine**2).astype(signal.dtype) * across
