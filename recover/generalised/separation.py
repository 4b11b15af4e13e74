"""Whether the maximum-likelihood estimate of binary regression exists: data that a hyperplane separates have none."""

import equinox as eqx
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Bool, Float, Key

from ..core.fields import Real, leaf
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..operators.norms import spectral_norm
from .channel_problem import ChannelProblem

__all__ = ["SeparatingHyperplane"]

_POWER_STEPS = 40


class Separation(eqx.Module):
    """The normal vector, the point with momentum, its weight, the longest step, and what the last gradient said."""

    x: Float[Array, " dimension"]
    ahead: Float[Array, " dimension"]
    weight: Float[Array, ""]
    longest: Float[Array, ""]
    separated: Bool[Array, ""]
    balance: Float[Array, ""]


class SeparatingHyperplane(AbstractSolver[ChannelProblem, Separation]):
    r"""A hyperplane through zero with all labels on their side, $y_i a_i^\top x > 0$, or the reason why there is none.

    Accelerated gradient with restarts on $\frac12 \sum_i (1 - y_i a_i^\top x)_+^2$ over rows with $y_i \ne 0$ (of other observations than
    signs, their signs). Converged once all rows are separated, or once the nonnegative numbers $w_i = (1 - y_i a_i^\top x)_+$ have
    $\|\sum_i w_i y_i a_i\| \le$ `tolerance` $\cdot \|A\| \|w\|$: at zero they would prove, by Gordan's theorem, that no hyperplane separates.
    The statistic `separated` is 1 or 0; labels that are separated have no maximum-likelihood estimate. The answer has norm
    $\sqrt n$. Sources: Albert and Anderson (albert1984); Candès and Sur (candes2020).
    """

    tolerance: Real = leaf(1e-4)

    def init(self, problem: ChannelProblem, key: Key[Array, ""]) -> Separation:
        """Power iteration for the step, from zero."""
        dtype = problem.observations.dtype
        rows = lx.DiagonalLinearOperator(problem.mask.astype(dtype)) @ problem.operator
        # Power iteration approaches the norm from below.
        size = 1.05 * spectral_norm(rows, key, _POWER_STEPS).astype(dtype)
        zero, one = jnp.zeros(problem.dimension, dtype), jnp.ones((), dtype)
        return Separation(zero, zero, one, ratio(1, size**2, 1), jnp.zeros((), bool), one)

    def step(self, problem: ChannelProblem, state: Separation) -> Separation:
        """One accelerated step, and whether the point that it started from separates."""
        labels = jnp.where(problem.mask, jnp.sign(problem.observations), 0)
        margins = labels * problem.forms(state.ahead)
        separated = jnp.all((margins > 0) | (labels == 0))
        short = jnp.where(labels == 0, 0, jnp.maximum(1 - margins, 0))
        slope = -problem.back_projection(labels * short)
        x = state.ahead - state.longest * slope
        balance = ratio(norm(slope) * jnp.sqrt(state.longest), norm(short), 0)
        weight, ahead = extrapolate(state.weight, state.ahead, state.x, x)
        x, ahead = (jnp.where(separated, state.ahead, each) for each in (x, ahead))
        return Separation(x, ahead, weight, state.longest, separated, balance)

    def status(self, problem: ChannelProblem, state: Separation) -> Result:
        """By the last gradient."""
        done = state.separated | (state.balance <= self.tolerance)
        result = Result.where(done, Result.converged, Result.running)
        return Result.where(jnp.all(jnp.isfinite(state.x)), result, Result.diverged)

    def estimate(self, problem: ChannelProblem, state: Separation) -> Float[Array, " dimension"]:
        r"""The normal vector, of norm $\sqrt n$."""
        return state.x * ratio(problem.dimension**0.5, norm(state.x), 0)

    def stats(self, problem: ChannelProblem, state: Separation) -> dict[str, Array]:
        """Whether rows are `separated`, and the `balance` that proves, at zero, that they cannot be."""
        return {"separated": state.separated.astype(state.x.dtype), "balance": state.balance}
