"""What is to be expected of abundances when the endmembers are known."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.linalg import eigvalsh

__all__ = ["unmixing_oracle_error"]


def unmixing_oracle_error(
    endmembers: Float[Array, "channels endmembers"],
    noise: Float[Array, ""],
    outlier_share: Float[Array, ""] | float = 0.0,
    outlier_scale: Float[Array, ""] | float = 0.0,
) -> Float[Array, ""]:
    r"""A rough prediction of the abundance error (RMSE) of least squares that knows the endmembers.

    $$\sigma \sqrt{\Big(1 + \frac{n_{\mathrm{out}}}{L} \frac{\tau^2}{\sigma^2}\Big) \frac{\operatorname{tr}\big((M^\top M)^{-1}\big)}{K}}$$

    for noise of standard deviation $\sigma$, and a share $n_{\mathrm{out}} / L$ of channels with further noise of standard deviation
    $\tau$, all channels weighted alike; ideal weights are the case of no outliers. Rough, because constraints are left
    out, which lower the error. Infinite for dependent endmembers.

    **Arguments:**

    - `endmembers`: $M$, one spectrum per column.
    - `noise`: $\sigma$.
    - `outlier_share`, `outlier_scale`: $n_{\mathrm{out}} / L$ and $\tau$.

    Source: derived here.
    """
    dtype = endmembers.dtype
    values = eigvalsh(endmembers.T @ endmembers)
    trace = jnp.sum(jnp.where(values > 0, 1 / jnp.where(values > 0, values, 1), jnp.inf))
    share, scale = jnp.asarray(outlier_share, dtype), jnp.asarray(outlier_scale, dtype)
    variance = jnp.asarray(noise, dtype) ** 2 + share * scale**2
    return jnp.sqrt(variance * trace / endmembers.shape[1])
