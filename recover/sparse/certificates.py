"""What certifies that coefficients are near those sought: scale-free, at most 1 where it does."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..core.numbers import norm, ratio, real_product, squared_norm
from ..scalar.penalties import L1, AbstractPenalty, ChosenPenalty
from .problem import LinearProblem

# Of the objective, what may be left to gain.
_SHARE = 1e-3
# In rounding units of the energy of the data: what an objective is known to, and what a residual is.
_OBJECTIVE_UNITS, _RESIDUAL_UNITS = 30, 300
# How long the residual of the truth is for noise of standard deviation 1, beyond the root of the number of samples.
_SPREAD = 3
# Without a known noise: how small correlations on the support are against the residual, and how far those off the
# support stay below what would replace a coefficient.
_ON_SUPPORT, _OFF_SUPPORT = 0.03, 2.0


def residual_excess(
    problem: LinearProblem, residual: Inexact[Array, " rows"], tolerance: Float[Array, ""]
) -> Float[Array, ""]:
    r"""The residual over what rounding, or noise of known level, explains.

    $$\frac{\|r\|}{\max(\sigma (\sqrt m + 3),\ \tau \|y\|)}, \qquad \tau = \max(10\, \text{tolerance}, 300\, \epsilon).$$
    """
    rounding = jnp.maximum(10 * tolerance, _RESIDUAL_UNITS * jnp.finfo(residual.dtype).eps)
    allowed = rounding * norm(problem.observations)
    if problem.noise is not None:
        allowed = jnp.maximum(allowed, problem.noise * (jnp.sqrt(problem.count) + _SPREAD))
    size = norm(residual)
    return ratio(size, allowed, jnp.where(size > 0, jnp.inf, size))


def support_excess(
    problem: LinearProblem,
    x: Inexact[Array, " dimension"],
    residual: Inexact[Array, " rows"],
    tolerance: Float[Array, ""],
) -> Float[Array, ""]:
    r"""`residual_excess`; where the noise is not known, its least with that of a support which thresholding would keep.

    That is the larger of $\|A_S^\top r\| / (0.03\, c \|r\|)$ and $\max_{j \notin S} |a_j^\top r| / (2 c^2 \min_{i \in S} |x_i|)$.
    """
    excess = residual_excess(problem, residual, tolerance)
    if problem.noise is not None:
        return excess
    correlation, support = jnp.abs(problem.adjoint(residual)), x != 0
    scale = problem.column_norm
    fit = ratio(norm(jnp.where(support, correlation, 0)), _ON_SUPPORT * scale * norm(residual))
    least = jnp.min(jnp.where(support, jnp.abs(x), jnp.inf))
    best = ratio(jnp.max(jnp.where(support, 0, correlation)), _OFF_SUPPORT * scale**2 * least)
    return jnp.minimum(excess, jnp.maximum(fit, best))


def lasso_excess(
    problem: LinearProblem, strength: Float[Array, "..."], x: Inexact[Array, " dimension"], nonnegative: bool = False
) -> Float[Array, ""]:
    r"""The duality gap of $P(x) = \frac12 \|y - A x\|^2 + \sum_j \lambda_j |x_j|$ over what it may be, $\max(10^{-3} P, 30\, \epsilon \|y\|^2 / 2)$.

    At $\theta = s r$, with the largest $s \le 1$ for which $|a_j^\top \theta| \le \lambda_j$, it is

    $$\tfrac12 (1 - s)^2 \|r\|^2 + \sum_j \left(\lambda_j |x_j| - x_j\, a_j^\top \theta\right).$$

    Where the rounding of the data exceeds a tenth of $P$ the largest violation of the optimality conditions decides instead, over
    a tenth of the largest strength and the rounding of correlations. Source: Kim, Koh, Lustig, Boyd and Gorinevsky (kim2007).
    """
    residual = problem.residual(x)
    correlation = problem.adjoint(residual)
    strength = jnp.broadcast_to(strength, x.shape)
    objective = squared_norm(residual) / 2 + jnp.sum(strength * jnp.abs(x))
    allowed, floor = _allowed(problem, objective)
    reached = reached_by(correlation, nonnegative)
    gap, _ = duality_gap(residual, correlation, strength, x, nonnegative)
    off, on = jnp.maximum(reached - strength, 0), jnp.abs(correlation - strength * jnp.sign(x))
    rounding = _OBJECTIVE_UNITS * jnp.finfo(x.dtype).eps * problem.column_norm * norm(problem.observations)
    violation = _over(jnp.max(jnp.where(x == 0, off, on)), jnp.max(strength) / 10 + rounding)
    return jnp.where(floor > objective / 10, violation, _over(gap, allowed))


def reached_by(products: Inexact[Array, " dimension"], nonnegative: bool) -> Float[Array, " dimension"]:
    """What the constraint of the dual bounds: magnitudes of products with the columns, or those that are positive."""
    return jnp.maximum(jnp.real(products), 0) if nonnegative else jnp.abs(products)


def duality_gap(
    residual: Inexact[Array, " rows"],
    correlation: Inexact[Array, " dimension"],
    strength: Float[Array, " dimension"],
    x: Inexact[Array, " dimension"],
    nonnegative: bool,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The gap of `lasso_excess`, by the residual and its products with the columns, and the share $s$ of the residual in the dual."""
    reached = reached_by(correlation, nonnegative)
    share = jnp.min(jnp.where(reached > strength, strength / jnp.where(reached > 0, reached, 1), 1))
    unused = jnp.sum(strength * jnp.abs(x) - real_product(x, share * correlation))
    return ((1 - share) * norm(residual)) ** 2 / 2 + unused, share


def penalty_excess(
    problem: LinearProblem, penalty: AbstractPenalty, x: Inexact[Array, " dimension"], step: Float[Array, ""]
) -> Float[Array, ""]:
    r"""What is left to gain of $P(x) = \frac12 \|y - A x\|^2 + p(x)$, over what may be left: for an l1 penalty `lasso_excess`.

    For others, and without any strength, $\|d\|^4 / (2 \|A d\|^2)$ with the gradient mapping
    $d = (\mathrm{prox}_{\mu p}(x + \mu A^\top r) - x) / \mu$: what a step of the best length along $d$ would gain, by the
    curvature of the problem itself.
    """
    if isinstance(penalty, ChosenPenalty):
        return penalty.chosen(lambda each: penalty_excess(problem, each, x, step))
    residual = problem.residual(x)
    allowed, _ = _allowed(problem, squared_norm(residual) / 2 + penalty.value(x))
    direction = (penalty.proximal(x + step * problem.adjoint(residual), step) - x) / step
    steepness, bend = squared_norm(direction), squared_norm(problem.forward(direction))
    decrease = _over(ratio(steepness**2, 2 * bend, jnp.where(steepness > 0, jnp.inf, 0)), allowed)
    if not isinstance(penalty, L1):
        return decrease
    gap = lasso_excess(problem, penalty.strength, x, penalty.nonnegative)
    # Least squares without a penalty have no dual to speak of.
    return jnp.where(jnp.any(penalty.strength > 0), gap, decrease)


def _allowed(problem: LinearProblem, objective: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """What may be left to gain of an objective, and what of that is the rounding of the data."""
    floor = _OBJECTIVE_UNITS * jnp.finfo(objective.dtype).eps * squared_norm(problem.observations) / 2
    return jnp.maximum(_SHARE * objective, floor), floor


def _over(excess: Float[Array, ""], allowed: Float[Array, ""]) -> Float[Array, ""]:
    return ratio(excess, allowed, jnp.where(excess > 0, jnp.inf, excess))
