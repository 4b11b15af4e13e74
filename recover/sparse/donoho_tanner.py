"""Where l1 minimisation recovers sparse vectors: face counting of randomly projected polytopes."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import optimistix as optx
from jax.scipy.special import entr, log_ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.root import find_root
from ..core.theory_arguments import as_floats, require_interval
from ..scalar.gaussian import LOG_SQRT_2PI, log_mills, mills_deficit, threshold_odds

__all__ = ["donoho_tanner_strong", "donoho_tanner_weak"]


def donoho_tanner_weak(sampling_ratio: Real[ArrayLike, "..."], nonnegative: bool = False) -> Float[Array, "..."]:
    r"""The relative sparsity $\rho_W(\delta)$ up to which l1 minimisation recovers most sparse vectors.

    Solves $\delta(z) = \delta$ for the parameter $z > 0$ of the curve

    $$\delta(z) = \frac{2\varphi(z)}{z + 2(\varphi(z) - z Q(z))}, \qquad \rho(z) = 1 - \frac{z Q(z)}{\varphi(z)}$$

    (projected cross-polytope, signed vectors). With `nonnegative` both factors 2 are dropped (projected
    simplex, nonnegative vectors with the constraint $x \ge 0$).

    **Arguments:**

    - `sampling_ratio`: $\delta = m/n$ in (0, 1], any shape. At 1 the curve ends in 1.
    - `nonnegative`: whether the vector is known to be nonnegative.

    **Returns:** $\rho = k/m$ of the same shape.

    **Raises:** `ValueError` on concrete ratios outside (0, 1].

    Sources: Donoho (donoho2006); Donoho and Tanner (donoho2009b). In this parametric form: Donoho, Maleki and
    Montanari (donoho2009a).
    """
    require_interval("sampling_ratio", sampling_ratio, 0, 1)
    (sampling_ratio,) = as_floats(sampling_ratio)
    return _weak(sampling_ratio, nonnegative)


def donoho_tanner_strong(sampling_ratio: Real[ArrayLike, "..."], nonnegative: bool = False) -> Float[Array, "..."]:
    r"""The relative sparsity $\rho_S(\delta)$ up to which l1 minimisation recovers all sparse vectors at once.

    The expected number of faces of dimension $k$ lost by the projection is a sum over faces of dimension $\nu
    n$, $\nu \in [\delta, 1]$, whose terms grow at the rate (per $n$)

    $$\Psi_{net}(\nu) = \Psi_{com} - \Psi_{int} - \Psi_{ext},$$
    $$\Psi_{com} = \nu \log 2 + H(\nu) + \nu H(\gamma), \qquad \gamma = \rho\delta/\nu,$$
    $$\Psi_{int} = (\nu - \rho\delta)\Big[\log 2 + \min_y \Big(\tfrac{1-\gamma}{\gamma} \tfrac{y^2}{2} + \Lambda^*(y)\Big)\Big],
      \qquad \Lambda(s) = \tfrac{s^2}{2} + \log 2\Phi(s),$$
    $$\Psi_{ext} = \min_w\ \tfrac12 \nu w^2 - (1-\nu) \log G(w), \qquad G(w) = 2\Phi(w) - 1,$$

    with $H$ the entropy in nats. For the simplex (`nonnegative`) $\Psi_{com}$ loses $\nu \log 2$ and $G =
    \Phi$. The rate is largest at $\nu = \delta$; $\rho_S$ is where it crosses zero there. Both minima have
    closed forms in the parameter of the weak curve: $\gamma = 1 - x Q(x)/\varphi(x)$ gives $\Psi_{int} =
    -(\nu - \rho\delta)[\log Q(x) + x^2 / (2(1-\gamma))]$, and $w$ is the parameter at which the weak curve
    has the sampling ratio $\nu$.

    **Arguments:** as for `donoho_tanner_weak`; the limit $\delta = 1$ is included.

    **Returns:** $\rho = k/m$ of the same shape. In float32 the last digits below $\delta = 10^{-4}$ are lost.

    **Raises:** `ValueError` on concrete ratios outside (0, 1].

    Sources: Donoho (donoho2006) and Donoho and Tanner (donoho2009b) as for the weak curve; Donoho and Tanner
    (donoho2005).
    """
    require_interval("sampling_ratio", sampling_ratio, 0, 1)
    (sampling_ratio,) = as_floats(sampling_ratio)
    return _strong(sampling_ratio, nonnegative)


def _curve_parameter(sampling_ratio: Float[Array, ""], nonnegative: bool) -> Float[Array, ""]:
    """The `z` at which the parametric weak curve has this sampling ratio."""
    ratio = jnp.minimum(sampling_ratio, 1 - jnp.finfo(sampling_ratio.dtype).epsneg)
    odds = jnp.log1p(-ratio) - jnp.log(ratio)
    log_z = find_root(
        lambda log_z, target: threshold_odds(jnp.exp(log_z), nonnegative)[0] - target,
        optx.Newton(rtol=1e-6, atol=1e-6),
        0.5 * jnp.log(-1.2 * jnp.log(ratio)),
        odds,
        max_steps=16,
    )
    return jnp.exp(log_z)


@partial(jax.jit, static_argnames="nonnegative")
def _weak(sampling_ratio, nonnegative):
    @jnp.vectorize
    def curve(ratio):
        inside = ratio < 1
        # The inner where keeps the derivative at the end of the curve from being NaN.
        parameter = _curve_parameter(jnp.where(inside, ratio, 0.5), nonnegative)
        return jnp.where(inside, mills_deficit(parameter), 1)

    return curve(sampling_ratio)


@partial(jax.jit, static_argnames="nonnegative")
def _strong(sampling_ratio, nonnegative):
    @jnp.vectorize
    def curve(ratio):
        w = _curve_parameter(ratio, nonnegative)
        log_mass = log_ndtr(w) if nonnegative else jnp.log(jax.lax.erf(w * math.sqrt(0.5)))
        # At ratio 1 the product tends to zero: w vanishes like a power of 1 - ratio.
        external = 0.5 * ratio * w**2 - (1 - ratio) * log_mass
        orientations = 0.0 if nonnegative else math.log(2)
        outer = ratio * orientations + entr(ratio) + entr(1 - ratio) - external

        def net_rate(log_x, arguments):
            ratio, outer = arguments
            x = jnp.exp(log_x)
            rho = mills_deficit(x)
            # -Psi_int / delta, with log Q = log Mills - x^2/2 - log sqrt(2 pi) so that the squares cancel on paper.
            internal = (1 - rho) * (log_mills(x) - LOG_SQRT_2PI) + 0.5 * rho * x**2
            return outer / ratio + entr(rho) + entr(1 - rho) + internal

        log_x = find_root(
            net_rate,
            optx.Bisection(rtol=1e-12, atol=1e-12, flip=True),
            jnp.ones((), ratio.dtype),
            (ratio, outer),
            max_steps=60 if ratio.dtype == jnp.float64 else 28,
            options={"lower": -0.5, "upper": 4.0},
        )
        return mills_deficit(jnp.exp(log_x))

    return curve(sampling_ratio)
