"""When a rare class is estimated better by borrowing from common ones."""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["rare_share_limit"]


def rare_share_limit(eigenvalue: Real[ArrayLike, "..."], radius: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The share $\lambda_{\min} / (3 M^2 (2 + M))$ of a rare class up to which proportional odds provably do better.

    $\lambda_{\min}$ is the smallest eigenvalue of the information on the coefficients that common boundaries hold,
    $I_{\beta\beta} - 2 I_{\beta\alpha} I_{\beta\alpha}^\top / I_{\alpha\alpha}$, and $M$ bounds the norm of the inputs: below that share
    the asymptotic variance of proportional odds is smaller than that of logistic regression of the rare class.

    **Arguments:** `eigenvalue` $\lambda_{\min} \ge 0$ and `radius` $M > 0$, numbers or arrays that broadcast.

    **Returns:** the share in the broadcast shape.

    **Raises:** `ValueError` for a concrete radius that is not positive.

    Source: condition of the theorem on asymptotic variances of Faletto and Bien (faletto2023), as in their public code.
    """
    require_interval("radius", radius, 0, float("inf"), closed="neither")
    eigenvalue, radius = jnp.broadcast_arrays(*as_floats(eigenvalue, radius))
    return eigenvalue / (3 * radius**2 * (2 + radius))
