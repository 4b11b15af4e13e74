"""Stationarity measured against a problem's own curvature: what a Newton-like step would still take off the objective."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, PyTree

from .numbers import ratio

# Conjugate gradients that look for what is left to gain: as far as a hundred plain steps, for the price of ten.
_STEPS = 10
# Of the objective, what may be left to gain.
_SHARE = 1e-3
# In rounding units of the data: what a residual is known to.
_RESIDUAL_UNITS = 300


def newton_gain(
    gradient: PyTree, curvature: Callable[[PyTree], PyTree], steps: Int[ArrayLike, ""] = _STEPS
) -> Float[Array, ""]:
    r"""What is left to gain of an objective by its quadratic model, $\max_{d \in K} \langle g, d \rangle - \frac12 \langle d, H d \rangle$.

    $K$ is the space that ten conjugate gradients on $H d = g$ span: small steps of a slow method do not pass for none, and
    units of the unknowns do not matter.

    **Arguments:**

    - `gradient`: $g$, the direction of descent, for an objective of order one (the squares of squares of small ones vanish).
    - `curvature`: products with a positive semidefinite $H$.
    - `steps`: another number of conjugate gradients.
    """

    def body(_, carry):
        rest, direction, steepness, gained = carry
        bent = curvature(direction)
        length = ratio(steepness, _product(direction, bent))
        rest = _moved(rest, -length, bent)
        after = _product(rest, rest)
        return rest, _moved(rest, ratio(after, steepness), direction), after, gained + length * steepness / 2

    steepness = _product(gradient, gradient)
    start = (gradient, gradient, steepness, jnp.zeros_like(steepness))
    return jax.lax.fori_loop(0, steps, body, start)[-1]


def least_squares_excess(
    residual: PyTree,
    forward: Callable[[PyTree], PyTree],
    adjoint: Callable[[PyTree], PyTree],
    tolerance: Float[ArrayLike, ""] = 0.0,
) -> Float[Array, ""]:
    r"""The share of $\|r\|^2$ that a Gauss-Newton step takes off, $\max_{d \in K} (\|r\|^2 - \|r - J d\|^2) / \|r\|^2$, over $10^{-3}$.

    **Arguments:**

    - `residual`: $r$, zero on padding.
    - `forward`, `adjoint`: products with the Jacobian $J$ of the model, and with its transpose.
    - `tolerance`: of the solver's stopping rule; below zero, where nothing asks, infinity is returned at no cost.
    """
    asked = jnp.asarray(tolerance) >= 0
    size = jnp.sqrt(_product(residual, residual))
    unit = jax.tree.map(lambda leaf: ratio(leaf, size), residual)
    steps = jnp.where(asked, jnp.int32(_STEPS), 0)
    gain = newton_gain(adjoint(unit), lambda direction: adjoint(forward(direction)), steps)
    return jnp.where(asked, 2 * gain / _SHARE, jnp.inf)


def explained_excess(relative: Float[Array, ""], tolerance: Float[Array, ""]) -> Float[Array, ""]:
    r"""A residual relative to the data over what passes for none, $\max(10\, \text{tolerance}, 300\, \epsilon)$."""
    return relative / jnp.maximum(10 * tolerance, rounding(relative.dtype))


def rounding(dtype) -> float:
    """The share of the data below which a residual is not known."""
    return _RESIDUAL_UNITS * float(jnp.finfo(dtype).eps)


def _moved(tree: PyTree, length: Float[Array, ""], direction: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf, step: leaf + length * step, tree, direction)


def _product(tree: PyTree, other: PyTree) -> Float[Array, ""]:
    return sum(jnp.sum(a * b) for a, b in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True))
