r"""What buying for relevance is predicted to gain.

Convention: $w_m$ the heads of sources and $w_t$ of the target in an orthonormal basis of $K$ columns in $\mathbb{R}^d$, isotropic features.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from .small_systems import solve_small

__all__ = ["allocation_factor", "representation_risk"]


def allocation_factor(
    relevance: Real[ArrayLike, "... tasks"], power: Real[ArrayLike, "..."] = 1.0
) -> Float[Array, "..."]:
    r"""$F = N \sum_m \nu_m^2 / n_m$ for $N$ samples bought in proportion to $|\nu_m|^p$, which the risk is predicted to follow.

    $$F = \sum_m |\nu_m|^p \sum_{\nu_m \ne 0} |\nu_m|^{2 - p}$$

    is $\|\nu\|_1^2$ for $p = 1$, the least of all; $|\mathrm{supp}\, \nu| \, \|\nu\|_2^2$ for $p = 2$, and $M \|\nu\|_2^2$ for $p = 0$.

    **Arguments:** `relevance` $\nu$ along the last axis, and the `power` $p \ge 0$; leading axes broadcast.

    **Returns:** the factor in the broadcast shape.

    **Raises:** `ValueError` for concrete negative powers.

    Source: the bounds $\sigma^2 K d F / (N \epsilon^2)$ of wang2023 and chen2022, up to constants.
    """
    require_interval("power", power, 0, float("inf"), closed="left")
    relevance, power = as_floats(relevance, power)
    shape = (*jnp.broadcast_shapes(relevance.shape[:-1], power.shape), relevance.shape[-1])
    relevance, power = jnp.broadcast_to(relevance, shape), jnp.broadcast_to(power[..., None], shape)
    # Zero to the power of zero is one.
    size, there = jnp.abs(relevance), relevance != 0
    left = jnp.where(there, jnp.where(there, size, 1) ** (2 - power), 0)
    return jnp.sum(size**power, axis=-1) * jnp.sum(left, axis=-1)


def representation_risk(
    heads: Real[ArrayLike, "tasks rank"],
    target: Real[ArrayLike, " rank"],
    samples: Real[ArrayLike, " tasks"],
    noise: Real[ArrayLike, ""],
    dimension: Real[ArrayLike, ""],
) -> Float[Array, ""]:
    r"""The risk $\sigma^2 (d - K) \, w_t^\top \big( \sum_m n_m w_m w_m^\top \big)^{-1} w_t$ of the target in a representation fitted to many samples.

    To first order a fitted basis is off by a matrix in $\mathbb{R}^{(d - K) \times K}$ with independent Gaussian rows, of precision
    $\sum_m n_m w_m w_m^\top / \sigma^2$: heads carry no information about it. The quadratic form is the least $\sum_m \nu_m^2 / n_m$ among
    all $\nu$ with $\sum_m \nu_m w_m = w_t$, so no relevance enters, and no constant is free.

    **Arguments:** `heads` and `target` as for `least_norm_relevance`, `samples` $n_m \ge 0$, `noise` $\sigma \ge 0$, `dimension` $d$.

    **Returns:** the predicted $\|(I - \hat B \hat B^\top) B w_t\|^2$.

    **Raises:** `ValueError` for concrete negative numbers.

    Source: ours; the Fisher information of the model.
    """
    for name, value in {"samples": samples, "noise": noise, "dimension": dimension}.items():
        require_interval(name, value, 0, float("inf"), closed="left")
    heads, target, samples, noise, dimension = as_floats(heads, target, samples, noise, dimension)
    precision = jnp.einsum("m,mk,ml->kl", samples, heads, heads)
    return noise**2 * (dimension - heads.shape[1]) * (target @ solve_small(precision, target[:, None])[:, 0])
