"""What an oracle that knows the support achieves for Kronecker-structured measurements."""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from ..core.linalg import eigvalsh

__all__ = ["oracle_least_squares_error"]


def oracle_least_squares_error(
    factors: Sequence[Inexact[Array, "_ _"]],
    supports: Sequence[Bool[Array, "_"]],
    noise: Float[Array, ""],
) -> Float[Array, ""]:
    r"""Mean squared error $E\|\hat x - x\|^2$ of least squares on the true support.

    $$\sigma^2 \operatorname{tr}\big((H_S^* H_S)^{-1}\big) = \sigma^2 \prod_i \operatorname{tr}\big((A_{i,S_i}^* A_{i,S_i})^{-1}\big)$$

    for $H = A_1 \otimes \dots \otimes A_p$, $S = S_1 \times \dots \times S_p$ and noise of standard deviation $\sigma$ per observation: the trace of a
    Kronecker product is the product of traces. `supports` are masks. Infinite where a mode has fewer rows than nonzeros.
    """
    traces = []
    for factor, support in zip(factors, supports, strict=True):
        kept = jnp.where(support[None, :], factor, 0)
        # Ones where nothing is selected keep the inverse apart from what is, and add their number to the trace.
        gram = kept.conj().T @ kept + jnp.diag(1 - support.astype(kept.dtype))
        values = eigvalsh(gram)
        outside = jnp.sum(~support).astype(values.dtype)
        safe = jnp.where(values > 0, values, 1)
        trace = jnp.sum(jnp.where(values > 0, 1 / safe, jnp.inf)) - outside
        traces.append(trace)
    return noise**2 * math.prod(traces)
