"""Sparse bandits by the LASSO on random queries."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ..core.fields import Real, Size, leaf, size
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio
from ..core.stopping import relative_norm
from ..scalar.penalties import L1
from .problem import BanditProblem
from .queries import AbstractBanditSolver, greedy_action, random_actions, with_action

__all__ = ["BanditLasso"]


class BanditLassoState(eqx.Module):
    """The Gram matrix and correlations of the queried actions, and an accelerated proximal gradient iteration."""

    queried: Bool[Array, " actions"]
    gram: Float[Array, "dimension dimension"]
    correlations: Float[Array, " dimension"]
    strength: Float[Array, ""]
    x: Float[Array, " dimension"]
    extrapolated: Float[Array, " dimension"]
    momentum: Float[Array, ""]
    change: Float[Array, ""]
    played: Bool[Array, ""]


class BanditLasso(AbstractBanditSolver[BanditLassoState]):
    r"""The greedy action of a LASSO on $n$ = `queries` random actions, a polynomial method: a gap of $O(s \varepsilon)$ for good features.

    $$\hat\theta = \arg\min_\theta \tfrac12 \sum_{a \in Q} (r(a) - \langle \phi(a), \theta \rangle)^2 + \lambda \|\theta\|_1, \qquad
      \lambda = c \, \varepsilon \sqrt{2 \log(2 d) \, n / d},$$

    $c$ = `strength`: what an error of $\pm \varepsilon$ with random signs correlates with a column of unit features, at most. Accelerated
    proximal gradients until a step changes $\hat\theta$ by at most `tolerance`, relatively; then the greedy action is queried, too.

    Source: the class of methods for which Dong and Yang (dong2023, abstract) state polynomially many queries; this one is ours.
    """

    queries: Size = size(1)
    strength: Real = leaf(1.0, "nonnegative")
    tolerance: Real = leaf(1e-4)

    def init(self, problem: BanditProblem, key: Key[Array, ""]) -> BanditLassoState:
        """Random actions, and coefficients of zero."""
        queried = random_actions(problem, key, self.queries)
        dtype = problem.observations.dtype
        matrix = jnp.where(queried[:, None], problem.operator.as_matrix(), 0)
        width, number = problem.width.astype(dtype), jnp.sum(queried).astype(dtype)
        zero = jnp.zeros(problem.dimension, dtype)
        return BanditLassoState(
            queried=queried,
            gram=matrix.T @ matrix,
            correlations=problem.adjoint(jnp.where(queried, problem.observations, 0)),
            strength=self.strength * problem.misspecification * jnp.sqrt(2 * jnp.log(2 * width) * number / width),
            x=zero,
            extrapolated=zero,
            momentum=jnp.ones((), dtype),
            change=jnp.asarray(jnp.inf, dtype),
            played=jnp.zeros((), bool),
        )

    def step(self, problem: BanditProblem, state: BanditLassoState) -> BanditLassoState:
        """One accelerated proximal gradient step; once they are small, the greedy action."""
        # The Frobenius norm bounds the spectral one, and costs nothing.
        length = ratio(1, norm(state.gram), 1)
        gradient = state.gram @ state.extrapolated - state.correlations
        x = L1(state.strength).proximal(state.extrapolated - length * gradient, length)
        momentum, extrapolated = extrapolate(state.momentum, state.extrapolated, state.x, x)
        change = relative_norm(x - state.x, x)
        ready = change <= self.tolerance
        played = with_action(state.queried, greedy_action(problem, x))
        return BanditLassoState(
            queried=jnp.where(ready, played, state.queried),
            gram=state.gram,
            correlations=state.correlations,
            strength=state.strength,
            x=x,
            extrapolated=extrapolated,
            momentum=momentum,
            change=change,
            played=ready,
        )

    def finished(self, problem: BanditProblem, state: BanditLassoState) -> Bool[Array, ""]:
        """Once the greedy action is queried."""
        return state.played
