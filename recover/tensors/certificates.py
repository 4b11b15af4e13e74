"""What certifies a tensor of coefficients: a residual within the noise, or a support that the method would take again."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from ..core.numbers import norm, ratio
from ..core.solver import Certificate
from ..core.stationarity import rounding
from ..operators.mode_products import outer
from .problem import KroneckerProblem

# How long the residual of the truth is for noise of standard deviation 1, beyond the root of the number of samples.
_SPREAD = 3
# How far correlations off the support stay below what would replace an index.
_OFF_SUPPORT = 2.0


def evidence_certificate(
    problem: KroneckerProblem, relative: Float[Array, ""], noise_variance: Float[Array, ""]
) -> Certificate:
    r"""The residual over what noise of the variance in use explains, $\sigma (\sqrt m + 3)$, for a given $\|r\| / \|y\|$."""
    explained = jnp.sqrt(noise_variance) * (jnp.sqrt(problem.count) + _SPREAD)
    return Certificate(relative * norm(problem.observations) / explained, jnp.zeros((), bool))


def product_support_certificate(
    problem: KroneckerProblem,
    residual: Inexact[Array, "..."],
    coefficients: Inexact[Array, "..."],
    selected: tuple[Bool[Array, "_"], ...],
    tolerance: Float[Array, ""],
) -> Certificate:
    r"""The residual over noise and tolerance, or, where the noise is not known, a support that is a fixed point.

    $$\frac{\|r\|}{\max(\sigma (\sqrt m + 3),\ \text{tolerance} \cdot \|y\|)}, \qquad
      \frac{\max_{n \notin S} |h_n^* r| / \|h_n\|}{2 \min_{i, j} \|(X \circ \|h\|)_{n_i = j}\|},$$

    the second over the slabs of all selected indices, in columns $h_n$ of unit norm.
    """
    allowed = jnp.maximum(tolerance, rounding(tolerance.dtype)) * norm(problem.observations)
    if problem.noise is not None:
        allowed = jnp.maximum(allowed, problem.noise * (jnp.sqrt(problem.count) + _SPREAD))
    size = norm(residual)
    value = ratio(size, allowed, jnp.where(size > 0, jnp.inf, size))
    if problem.noise is None:
        norms = outer(problem.column_norms)
        inside = outer([chosen.astype(size.dtype) for chosen in selected]) > 0
        off = jnp.max(jnp.where(inside, 0, ratio(jnp.abs(problem.adjoint(residual)), norms)))
        scaled, axes = jnp.abs(coefficients) * norms, range(coefficients.ndim)
        slabs = [norm(scaled, tuple(other for other in axes if other != axis)) for axis in axes]
        least = [jnp.min(jnp.where(chosen, slab, jnp.inf)) for chosen, slab in zip(selected, slabs, strict=True)]
        value = jnp.minimum(value, ratio(off, _OFF_SUPPORT * jnp.min(jnp.stack(least)), jnp.inf))
    return Certificate(value, jnp.zeros((), bool))
