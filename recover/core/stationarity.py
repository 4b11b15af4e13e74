"""Stationarity measured against a problem's own curvature: what a Newton-like step would still take off a sum of squares."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .numbers import ratio, squared_norm

# Conjugate gradients that look for what is left to gain: as far as a hundred plain steps, for the price of ten.
_STEPS = 10
# Of a sum of squares, what may be left to gain.
_SHARE = 1e-3
# In rounding units of the data: what a residual is known to.
_RESIDUAL_UNITS = 300


def least_squares_excess(
    residual: Float[Array, "..."],
    forward: Callable[[PyTree], Float[Array, "..."]],
    adjoint: Callable[[Float[Array, "..."]], PyTree],
) -> Float[Array, ""]:
    r"""The share of $\|r\|^2$ that a Gauss-Newton step takes off, over $10^{-3}$.

    $$\frac{1}{10^{-3}} \max_{d \in K} \frac{\|r\|^2 - \|r - J d\|^2}{\|r\|^2},$$

    with $K$ the space that ten conjugate gradients on $J^\top J d = J^\top r$ span: small steps of a slow method do not pass for
    none, and units of the unknowns do not matter.

    **Arguments:**

    - `residual`: $r$, zero on padding.
    - `forward`, `adjoint`: products with the Jacobian $J$ of the model, and with its transpose.
    """

    def body(_, carry):
        rest, direction, steepness, gained = carry
        image = forward(direction)
        length = ratio(steepness, squared_norm(image))
        rest = rest - length * image
        gradient = adjoint(rest)
        after = _squared(gradient)
        turned = jax.tree.map(lambda new, old: new + ratio(after, steepness) * old, gradient, direction)
        return rest, turned, after, gained + length * steepness

    # A residual of unit norm: squares of squares of small ones would vanish.
    size = jnp.sqrt(squared_norm(residual))
    rest = ratio(residual, size)
    gradient = adjoint(rest)
    start = (rest, gradient, _squared(gradient), jnp.zeros((), rest.dtype))
    return jax.lax.fori_loop(0, _STEPS, body, start)[-1] / _SHARE


def explained_excess(relative: Float[Array, ""], tolerance: Float[Array, ""]) -> Float[Array, ""]:
    r"""A residual relative to the data over what passes for none, $\max(10\, \text{tolerance}, 300\, \epsilon)$."""
    return relative / jnp.maximum(10 * tolerance, _RESIDUAL_UNITS * jnp.finfo(relative.dtype).eps)


def _squared(tree: PyTree) -> Float[Array, ""]:
    return sum(squared_norm(leaf) for leaf in jax.tree.leaves(tree))
