"""Projections on convex sets."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

# Bisection alone would need as many halvings as a number has digits; the bound is never met.
_MOST_STEPS = 64


def project_centred_box(
    vector: Float[Array, " size"], radius: Float[Array, ""], mask: Bool[Array, " size"]
) -> Float[Array, " size"]:
    r"""The point of $\{e : \sum_i e_i = 0,\ |e_i| \le \rho\}$ nearest to `vector`; zero outside `mask`.

    It is $\operatorname{clip}(v - \tau, -\rho, \rho)$ with the $\tau$ that makes the sum vanish. The sum falls with
    $\tau$ in straight pieces, so Newton's steps, kept in a bracket by bisection, end after as many steps as pieces are
    crossed: none at all for a vector that is already in the set, which is the common case in descent methods.

    **Arguments:** `vector`, shape (size,); `radius` $\rho \ge 0$; `mask`, which entries exist.
    """
    dtype = vector.dtype
    radius = jnp.asarray(radius, dtype)
    vector = jnp.where(mask, vector, 0)
    count = jnp.sum(mask).astype(dtype)
    # Rounding of the sum; a relative measure, so that it can be reached in every precision.
    tolerance = 4 * jnp.finfo(dtype).eps * (jnp.sum(jnp.abs(vector)) + count * radius)

    def clipped(shift):
        return jnp.where(mask, jnp.clip(vector - shift, -radius, radius), 0)

    def unfinished(carry):
        step, _, _, _, total = carry
        return (step < _MOST_STEPS) & (jnp.abs(total) > tolerance)

    def body(carry):
        step, shift, low, high, total = carry
        low, high = jnp.where(total > 0, shift, low), jnp.where(total > 0, high, shift)
        inside = jnp.sum(mask & (jnp.abs(vector - shift) < radius)).astype(dtype)
        newton = shift + total / jnp.maximum(inside, 1)
        good = (inside > 0) & (newton > low) & (newton < high)
        shift = jnp.where(good, newton, (low + high) / 2)
        return step + 1, shift, low, high, jnp.sum(clipped(shift))

    zero = jnp.zeros((), dtype)
    low = jnp.min(jnp.where(mask, vector, jnp.inf)) - radius
    high = jnp.max(jnp.where(mask, vector, -jnp.inf)) + radius
    start = (jnp.zeros((), jnp.int32), zero, low, high, jnp.sum(clipped(zero)))
    return clipped(jax.lax.while_loop(unfinished, body, start)[1])
