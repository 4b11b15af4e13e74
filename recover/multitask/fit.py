"""Fitting a shared linear representation to moments of many tasks."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.linalg import eigh, qr
from ..core.numbers import ratio
from .small_systems import solve_small


class TargetFit(eqx.Module):
    """A basis of orthonormal columns in which the target is thought to lie, and coefficients of the target."""

    basis: Float[Array, "dimension rank"]
    target: Float[Array, " dimension"]


def spectral_basis(
    correlations: Float[Array, "tasks dimension"], samples: Float[Array, " tasks"], rank: int
) -> Float[Array, "dimension rank"]:
    r"""The leading left singular vectors of the columns $g_m / \sqrt{n_m}$."""
    scaled = correlations * ratio(1, jnp.sqrt(samples))[:, None]
    return eigh(scaled.T @ scaled)[1][:, ::-1][:, :rank]


def fitted_heads(
    basis: Float[Array, "dimension rank"],
    moments: Float[Array, "tasks dimension dimension"],
    correlations: Float[Array, "tasks dimension"],
) -> Float[Array, "tasks rank"]:
    r"""Least squares in a subspace: $w_m = (B^\top H_m B)^{-1} B^\top g_m$."""
    grams = jnp.einsum("ik,mil->mkl", basis, jnp.einsum("mij,jl->mil", moments, basis))
    return solve_small(grams, (correlations @ basis)[..., None])[..., 0]


def descend(
    basis: Float[Array, "dimension rank"],
    moments: Float[Array, "tasks dimension dimension"],
    correlations: Float[Array, "tasks dimension"],
    samples: Float[Array, " tasks"],
) -> tuple[Array, Array]:
    r"""One step towards $\min_{B, w} \sum_m \tfrac12 \|y_m - X_m B w_m\|^2$: heads, then a scaled gradient step for the basis.

    $$P = \sum_m (g_m - H_m B w_m) w_m^\top \Big(\sum_m n_m w_m w_m^\top\Big)^{-1}, \qquad B^+ = \mathrm{qr}(B + \alpha P)$$

    with the best $\alpha$ for these heads. For isotropic features $H_m \approx n_m I$ and the direction is that of Newton's step, at
    the cost of products with $H_m$ alone: no system of $d K$ unknowns.

    **Returns:** the basis, and the heads in the old one.
    """
    heads = fitted_heads(basis, moments, correlations)
    residuals = correlations - jnp.einsum("mij,mj->mi", moments, heads @ basis.T)
    gradient = residuals.T @ heads
    weights = jnp.einsum("m,mk,ml->kl", samples, heads, heads)
    direction = solve_small(weights, gradient.T).T
    images = heads @ direction.T
    curvature = jnp.sum(images * jnp.einsum("mij,mj->mi", moments, images))
    length = ratio(jnp.sum(gradient * direction), curvature)
    return qr(basis + length * direction)[0], heads
