"""Minimax soft thresholding over sparse signals: the threshold of AMP, its phase transition and noise sensitivity."""

from functools import partial

import jax
import jax.numpy as jnp
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from .gaussian import null_risk, threshold_odds

__all__ = ["amp_transition", "minimax_risk", "minimax_threshold", "noise_sensitivity"]


def minimax_threshold(sampling_ratio: Real[ArrayLike, "..."], nonnegative: bool = False) -> Float[Array, "..."]:
    r"""The threshold multiplier $\alpha^*(\delta)$ with which noiseless AMP recovers the largest sparsity.

    The maximiser over $z$ in `amp_transition`; equivalently the root of

    $$\frac{1-\delta}{\delta} = \frac{z\,(2\Phi(z) - 1)}{2\varphi(z)}, \qquad
      \text{for nonnegative signals } \frac{1-\delta}{\delta} = \frac{z\,\Phi(z)}{\varphi(z)}.$$

    Made to be called inside a solver: elementwise, a few dozen operations, differentiable, and never an
    error.

    **Arguments:**

    - `sampling_ratio`: $\delta = m/n$, any shape. Clamped to $[10^{-6}, 1 - 10^{-6}]$, so the result is
      finite and positive; NaN stays NaN.
    - `nonnegative`: whether AMP keeps only positive values.

    **Returns:** $\alpha$ of the same shape, accurate to 1e-6 in float32 and 1e-10 in float64.

    Source: Donoho, Maleki and Montanari (donoho2009a).
    """
    (sampling_ratio,) = as_floats(sampling_ratio)
    ratio = jnp.clip(sampling_ratio, 1e-6, 1 - 1e-6)
    log_ratio = jnp.log(ratio)
    odds = jnp.log1p(-ratio) - log_ratio
    # Newton's steps are written out: an optimistix root find here costs a jitted, vmapped solver 0.65 s of tracing and
    # compiling (Newton; 0.44 s for bisection) against 0.10 s, and every AMP program would pay it. From this first
    # guess four steps err by less than 2e-11 on the whole range, for either sign convention.
    z = jax.lax.stop_gradient(jnp.sqrt(-1.2 * log_ratio))
    for _ in range(4):
        # Only the last step is differentiated, which gives exactly the implicit derivative.
        z = jax.lax.stop_gradient(z)
        value, slope = threshold_odds(z, nonnegative)
        z = z * jnp.exp((odds - jax.lax.stop_gradient(value)) / jax.lax.stop_gradient(slope))
    return z


def amp_transition(sampling_ratio: Real[ArrayLike, "..."], nonnegative: bool = False) -> Float[Array, "..."]:
    r"""The relative sparsity up to which state evolution of soft-thresholding AMP contracts to zero error.

    $$\rho(\delta) = \max_{z \ge 0} \frac{1 - r(z)/\delta}{1 + z^2 - r(z)}, \qquad
      r(z) = 2[(1+z^2) Q(z) - z\varphi(z)],$$

    with $r$ halved for nonnegative signals. Agrees with `donoho_tanner_weak`, from which it is computed
    independently.

    **Arguments:**

    - `sampling_ratio`: $\delta = m/n$ in (0, 1], any shape.
    - `nonnegative`: whether AMP keeps only positive values.

    **Returns:** $\rho = k/m$ of the same shape.

    **Raises:** `ValueError` on concrete ratios outside (0, 1].

    Source: Donoho, Maleki and Montanari (donoho2009a).
    """
    require_interval("sampling_ratio", sampling_ratio, 0, 1)
    (sampling_ratio,) = as_floats(sampling_ratio)
    return _transition(sampling_ratio, nonnegative)


def minimax_risk(density: Real[ArrayLike, "..."], nonnegative: bool = False) -> Float[Array, "..."]:
    r"""The minimax risk $M(\varepsilon)$ of soft thresholding over signals with a fraction $\varepsilon$ of nonzeros, at unit noise.

    $$M(\varepsilon) = \min_{t \ge 0}\ \varepsilon (1 + t^2) + (1 - \varepsilon)\, 2[(1+t^2) Q(t) - t\varphi(t)],$$

    without the factor 2 for nonnegative signals. $\delta = M(\rho\delta)$ is the transition `amp_transition`.

    **Arguments:**

    - `density`: $\varepsilon$ in [0, 1], any shape.
    - `nonnegative`: whether the threshold keeps only positive values.

    **Returns:** the risk per coordinate in [0, 1], same shape.

    **Raises:** `ValueError` on concrete densities outside [0, 1].

    Source: Donoho, Maleki and Montanari (donoho2011).
    """
    require_interval("density", density, 0, 1, closed="both")
    (density,) = as_floats(density)
    return _risk(density, nonnegative)


def noise_sensitivity(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    nonnegative: bool = False,
) -> Float[Array, "..."]:
    r"""The minimax noise sensitivity of the LASSO: worst error per coordinate in units of the noise variance.

    $$M^*(\delta, \rho) = \frac{M(\rho\delta)}{1 - M(\rho\delta)/\delta},$$

    with $M$ = `minimax_risk`; infinite at and above the transition $M(\rho\delta) = \delta$. The penalty is
    tuned to the worst signal of sparsity $\rho$.

    **Arguments:**

    - `sampling_ratio`: $\delta = m/n$ in (0, 1].
    - `relative_sparsity`: $\rho = k/m$ in [0, 1]; broadcasts against `sampling_ratio`.
    - `nonnegative`: whether the signal is known to be nonnegative.

    **Returns:** $\sup E\|\hat x - x_0\|^2 / (n \sigma^2)$ in the broadcast shape.

    **Raises:** `ValueError` on concrete values outside these ranges.

    Source: Donoho, Maleki and Montanari (donoho2011).
    """
    require_interval("sampling_ratio", sampling_ratio, 0, 1)
    require_interval("relative_sparsity", relative_sparsity, 0, 1, closed="both")
    sampling_ratio, relative_sparsity = jnp.broadcast_arrays(*as_floats(sampling_ratio, relative_sparsity))
    risk = _risk(sampling_ratio * relative_sparsity, nonnegative)
    stable = risk < sampling_ratio
    # The inner where keeps the gradient of the branch not taken finite.
    margin = jnp.where(stable, 1 - risk / sampling_ratio, 1)
    return jnp.where(stable, risk / margin, jnp.inf)


def minimise_from_zero(objective, upper: float, args) -> Float[Array, ""]:
    """The minimiser of a unimodal `objective(argument, args)` on [0, `upper`]; constant under differentiation.

    The lower end is zero on purpose: the golden-section search of optimistix 0.1.0 places its first interior
    point as if it were.
    """
    args = jax.lax.stop_gradient(args)
    solution = optx.minimise(
        objective,
        optx.GoldenSearch(rtol=1e-7, atol=1e-7),
        jnp.zeros_like(jax.tree.leaves(args)[0]),
        args=args,
        options={"lower": 0.0, "upper": upper},
        max_steps=48,
        throw=False,
    )
    return jax.lax.stop_gradient(solution.value)


# In both functions below the value at the optimum is what is differentiated: by the envelope theorem the optimiser
# may be held constant.


@partial(jax.jit, static_argnames="nonnegative")
def _transition(sampling_ratio, nonnegative):
    def curve(z, ratio):
        null = null_risk(z, nonnegative)
        return (1 - null / ratio) / (1 + z**2 - null)

    @jnp.vectorize
    def maximum(ratio):
        z = minimise_from_zero(lambda z, ratio: -curve(z, ratio), 8.0, ratio)
        return jnp.where(ratio < 1, curve(z, ratio), 1)

    return maximum(sampling_ratio)


@partial(jax.jit, static_argnames="nonnegative")
def _risk(density, nonnegative):
    def risk(threshold, density):
        return density * (1 + threshold**2) + (1 - density) * null_risk(threshold, nonnegative)

    return jnp.vectorize(lambda density: risk(minimise_from_zero(risk, 12.0, density), density))(density)
