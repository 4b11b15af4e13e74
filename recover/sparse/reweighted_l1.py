"""Reweighted l1 minimisation."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, leaf
from ..core.momentum import extrapolate
from ..core.numbers import ratio, squared_norm
from ..core.solver import Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from ..scalar.proximal import soft_threshold
from .certificates import lasso_excess
from .linear import AbstractLinearSolver, Best, unsettled, zeros
from .problem import LinearProblem
from .proximal_gradient import resolve_penalty, resolve_step

__all__ = ["ReweightedL1"]

# With new weights the strength is raised again, at most so many times over: a weak penalty alone would move the
# coefficients along the solutions of A x = y very slowly.
_MOST_REWARMED = 1e3


class ReweightedL1State(eqx.Module):
    """Accelerated iterates of the present weighted problem, its weights, where the present round began, and the best iterate."""

    x: Float[Array, " dimension"]
    extrapolated: Float[Array, " dimension"]
    momentum: Float[Array, ""]
    step_size: Float[Array, ""]
    boost: Float[Array, ""]
    full_boost: Float[Array, ""]
    strength: Float[Array, ""]
    weights: Float[Array, " dimension"]
    epsilon: Float[Array, ""]
    round_start: Float[Array, " dimension"]
    age: Int[Array, ""]
    progress: Progress
    best: Best


class ReweightedL1(AbstractLinearSolver[ReweightedL1State]):
    r"""Reweighted l1 minimisation, of Candès, Wakin and Boyd (candes2008).

    $$x^{(l)} = \arg\min_x \tfrac12 \|y - A x\|^2 + \lambda \sum_i w_i^{(l)} |x_i|, \qquad
      w_i^{(l+1)} = \frac{\epsilon_l}{|x_i^{(l)}| / \|x^{(l)}\|_\infty + \epsilon_l}, \qquad w^{(0)} = 1,$$

    with $\epsilon_{l+1} = \max(\beta \epsilon_l, \epsilon)$, $\epsilon_0 = 1$: the concave penalty $\log(1 + |x| / \epsilon)$ is approached from its
    convex end. One flat iteration: steps are accelerated proximal gradient steps with restart, and a new round of
    weights begins when the last step was stationary or the round has lasted `period` steps. Each round begins with a
    raised $\lambda$ that is multiplied by `continuation` in every step until it has its value (the count of `period`
    begins then; 0 raises nothing).

    `strength` is $\lambda$, by default the universal strength of `resolve_penalty`; `step_size` is
    $1 / (1.1 \|A\|^2)$ by default; `epsilon` is relative to the largest coefficient. Converges when a whole round at the
    final $\epsilon$ changes the coefficients by at most `tolerance` in relative norm; stalled when that change has not
    fallen by one per cent in `patience` rounds; the answer is then the iterate of least objective, each by that of its own round
    at the final $\epsilon$.
    """

    scaling: ClassVar = Scaling(
        {"strength": (1, 1), "step_size": (-2, 0)},
        columns=lambda solver: solver.strength is None and solver.step_size is None,
    )

    strength: Real | None = leaf(None, "nonnegative")
    step_size: Real | None = leaf(None, "positive")
    continuation: Real = leaf(0.9, "decay")
    period: Whole = leaf(50, "positive count")
    epsilon: Real = leaf(0.01, "positive")
    decay: Real = leaf(0.5, "decay")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(10, "count")

    def init(self, problem: LinearProblem, key) -> ReweightedL1State:
        """Zero coefficients and equal weights."""
        x = zeros(problem)
        one = jnp.ones((), x.dtype)
        correlation = problem.adjoint(problem.observations)
        strength = self._resolved_strength(problem, correlation)
        # The least strength that keeps everything at zero, relative to the strength asked for.
        boost = jnp.maximum(ratio(jnp.max(jnp.abs(correlation)), strength), 1)
        return ReweightedL1State(
            x=x,
            extrapolated=x,
            momentum=one,
            step_size=resolve_step(self.step_size, problem, key),
            strength=strength,
            boost=boost,
            full_boost=boost,
            weights=jnp.ones_like(x),
            epsilon=one,
            round_start=x,
            age=jnp.zeros((), jnp.int32),
            progress=Progress.start(x.dtype),
            best=Best.start(x),
        )

    def certificate(self, problem: LinearProblem, state: ReweightedL1State) -> Certificate:
        """What is left to gain of the present weighted problem (`lasso_excess`)."""
        return unsettled(lasso_excess(problem, state.strength * state.weights, state.x))

    def optimality(self, problem: LinearProblem, state: ReweightedL1State) -> Optimality:
        """A vanishing gradient on the support, with the weights of the coefficients themselves."""
        signs = jnp.sign(state.x)

        def residual(x):
            strength = self._resolved_strength(problem, problem.adjoint(problem.observations))
            weights = _weights(signs * x, self.epsilon)
            return strength * weights * signs - problem.adjoint(problem.residual(x))

        return Optimality(state.x, residual, free=signs != 0)

    def _resolved_strength(self, problem: LinearProblem, correlation: Float[Array, " dimension"]) -> Float[Array, ""]:
        if self.strength is not None:
            return self.strength
        return resolve_penalty(None, problem, correlation).strength

    def step(self, problem: LinearProblem, state: ReweightedL1State) -> ReweightedL1State:
        """One accelerated step, and new weights if the round is over."""
        residual = problem.residual(state.extrapolated)
        point = state.extrapolated + state.step_size * problem.adjoint(residual)
        x = soft_threshold(point, state.step_size * state.boost * state.strength * state.weights)
        stationary = relative_norm(x - state.extrapolated, x) <= self.tolerance
        lowered = state.boost <= 1
        over = lowered & (stationary | (state.age + 1 >= self.period))

        momentum, extrapolated = extrapolate(state.momentum, state.extrapolated, state.x, x, restart=over)
        cooled = state.boost * self.continuation
        epsilon = jnp.maximum(self.decay * state.epsilon, self.epsilon)
        # A change of the weights is expected to move x until epsilon is final: only then may the solver stop.
        change = relative_norm(x - state.round_start, x)
        change = jnp.where((state.epsilon > self.epsilon) & jnp.isfinite(change), 1, change)
        judged = state.progress.update(change, change)
        finite = jnp.isfinite(jnp.sum(x))
        progress = jax.tree.map(lambda new, held: jnp.where(over | ~finite, new, held), judged, state.progress)
        magnitudes = jnp.sum(state.weights * jnp.abs(state.extrapolated))
        objective = squared_norm(residual) / 2 + state.strength * magnitudes
        objective = jnp.where(state.epsilon > self.epsilon, jnp.inf, objective)
        return ReweightedL1State(
            x=x,
            extrapolated=extrapolated,
            momentum=momentum,
            step_size=state.step_size,
            strength=state.strength,
            boost=jnp.where(over, jnp.minimum(state.full_boost, _MOST_REWARMED), jnp.maximum(cooled, 1)),
            full_boost=state.full_boost,
            weights=jnp.where(over, _weights(jnp.abs(x), epsilon), state.weights),
            epsilon=jnp.where(over, epsilon, state.epsilon),
            round_start=jnp.where(over, x, state.round_start),
            age=jnp.where(over | ~lowered, 0, state.age + 1),
            progress=progress,
            best=state.best.update(x, objective),
        )


def _weights(magnitudes: Float[Array, " dimension"], epsilon: Float[Array, ""]) -> Float[Array, " dimension"]:
    return epsilon / (ratio(magnitudes, jnp.max(magnitudes)) + epsilon)
