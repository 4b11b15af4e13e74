"""Sample sizes and rates of sparse regression in closed form: support recovery, all-or-nothing, minimax error.

Regression convention: rows of the design are standard normal, `samples` is the number n of rows, `dimension`
the number p of features, `sparsity` the number k of nonzero coefficients.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["information_theoretic_samples", "lasso_support_control", "lasso_support_samples", "minimax_error"]


def lasso_support_samples(dimension: Real[ArrayLike, "..."], sparsity: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The number of samples $n = 2 k \log(p - k)$ at which the LASSO starts to recover the signed support.

    For standard normal designs and nonzero coefficients that are not too small, recovery has probability
    tending to one above and to zero below, as $p$, $k$ and $p - k$ grow.

    **Arguments:** `dimension` $p$ and `sparsity` $1 \le k < p$, numbers or arrays that broadcast.

    **Returns:** $n$, not rounded, in the broadcast shape.

    **Raises:** `ValueError` on concrete sparsities below one.

    Source: Wainwright (wainwright2009, Theorems 3 and 4).
    """
    require_interval("sparsity", sparsity, 1, float("inf"), closed="left")
    dimension, sparsity = as_floats(dimension, sparsity)
    dimension, sparsity = jnp.broadcast_arrays(dimension, sparsity)
    return 2 * sparsity * jnp.log(dimension - sparsity)


def lasso_support_control(
    samples: Real[ArrayLike, "..."], dimension: Real[ArrayLike, "..."], sparsity: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""Wainwright's control parameter $\theta = n / (2 k \log(p - k))$; signed support recovery turns on at one.

    Success curves of different dimensions collapse when drawn against it, and steepen as the dimension grows.

    **Arguments:** `samples` $n$, `dimension` $p$, `sparsity` $1 \le k < p - 1$; they broadcast.

    **Returns:** $\theta$ in the broadcast shape.

    Source: as for `lasso_support_samples`.
    """
    samples, dimension, sparsity = jnp.broadcast_arrays(*as_floats(samples, dimension, sparsity))
    return samples / lasso_support_samples(dimension, sparsity)


def information_theoretic_samples(
    dimension: Real[ArrayLike, "..."], sparsity: Real[ArrayLike, "..."], noise: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The all-or-nothing sample size $n = 2 k \log(p/k) / \log(1 + k/\sigma^2)$ for binary coefficients.

    For standard normal designs and sublinear sparsity the minimum mean-square error drops at this size from
    that of ignoring the data to zero.

    **Arguments:** `dimension` $p$, `sparsity` $1 \le k \le p$, `noise` the standard deviation $\sigma > 0$;
    they broadcast.

    **Returns:** $n$, not rounded, in the broadcast shape; zero in the noiseless limit.

    **Raises:** `ValueError` on concrete negative noise.

    Sources: Gamarnik and Zadik (gamarnik2017); Reeves, Xu and Zadik (reeves2019b).
    """
    require_interval("noise", noise, 0, float("inf"), closed="left")
    dimension, sparsity, noise = jnp.broadcast_arrays(*as_floats(dimension, sparsity, noise))
    return 2 * sparsity * jnp.log(dimension / sparsity) / jnp.log1p(sparsity / noise**2)


def minimax_error(
    samples: Real[ArrayLike, "..."],
    dimension: Real[ArrayLike, "..."],
    sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""The minimax rate $\sigma^2 k \log(p/k) / n$ of the squared estimation error $\|\hat\beta - \beta\|^2$, constant one.

    **Arguments:** `samples` $n$, `dimension` $p$, `sparsity` $k$, `noise` the standard deviation $\sigma$;
    they broadcast.

    **Returns:** the rate in the broadcast shape. Only its scaling is meaningful: upper and lower bounds
    differ in constants.

    Source: Raskutti, Wainwright and Yu (raskutti2011).
    """
    samples, dimension, sparsity, noise = jnp.broadcast_arrays(*as_floats(samples, dimension, sparsity, noise))
    return noise**2 * sparsity * jnp.log(dimension / sparsity) / samples
