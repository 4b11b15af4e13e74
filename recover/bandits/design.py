"""Bandits by least squares on a nearly optimal design."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ..core.fields import Real, Size, choice, leaf, size
from ..core.linalg import positive_definite_inverse
from ..core.numbers import ratio
from ..core.selection import first_largest
from ..core.sizes import row_mask
from .problem import BanditProblem
from .queries import AbstractBanditSolver, greedy_action, random_actions, with_action

__all__ = ["DesignLeastSquares"]

# Of the mean eigenvalue of a design: what makes one with fewer actions than columns invertible.
_RIDGE = 1e-3


class DesignState(eqx.Module):
    r"""The weights of a design, the inverse of $V = \sum_a w_a \phi(a) \phi(a)^\top$, and the leverages $\phi(a)^\top V^{-1} \phi(a)$."""

    queried: Bool[Array, " actions"]
    weights: Float[Array, " actions"]
    inverse: Float[Array, "dimension dimension"]
    leverages: Float[Array, " actions"]
    present: Float[Array, " dimension"]
    played: Bool[Array, ""]


class DesignLeastSquares(AbstractBanditSolver[DesignState]):
    r"""Least squares weighted by a nearly G-optimal design, and the greedy action of it: a gap of $O(\varepsilon \sqrt d)$.

    The design starts with at most $2 d$ actions at random; Frank-Wolfe steps move the weight $(g / d - 1) / (g - 1)$ to the
    action of largest leverage $g$ (inverse and leverages by rank-one updates), until $g \le (1 + \tau) d$, with $\tau$ the
    `tolerance`, or `queries` actions have weight. Then $\hat\theta = V^{-1} \sum_a w_a r(a) \phi(a)$, with a ridge of a
    thousandth of the mean eigenvalue, and its greedy action is queried, too. With `columns="support"` only the columns of the problem's
    `oracle` are used: an oracle baseline, whose gap is $O(\varepsilon \sqrt s)$.

    Source: Lattimore, Szepesvari and Weisz (lattimore2020); the design is that of Kiefer and Wolfowitz.
    """

    queries: Size = size(1)
    columns: str = choice("all", "support")
    tolerance: Real = leaf(0.1, "positive")

    def init(self, problem: BanditProblem, key: Key[Array, ""]) -> DesignState:
        """Equal weights on random actions.

        **Raises:** `ValueError` for a problem without `oracle`, where its columns are asked for.
        """
        dtype = problem.observations.dtype
        if self.columns == "support" and problem.oracle is None:
            raise ValueError("DesignLeastSquares: the problem's `oracle` is None; a mask of columns is needed.")
        known = problem.oracle if self.columns == "support" else row_mask(problem.width, problem.dimension)
        present = known.astype(dtype)
        number = jnp.minimum(self.queries, 2 * jnp.sum(present).astype(jnp.int32))
        queried = random_actions(problem, key, number)
        weights = ratio(queried.astype(dtype), jnp.sum(queried).astype(dtype))
        matrix = problem.operator.as_matrix() * present[None, :]
        moment = (matrix * weights[:, None]).T @ matrix
        ridge = _RIDGE * jnp.trace(moment) / jnp.sum(present)
        inverse = positive_definite_inverse(moment + jnp.diag(jnp.where(present > 0, ridge, 1)))
        inverse = inverse * present[:, None] * present[None, :]
        leverages = jnp.sum((matrix @ inverse) * matrix, axis=1)
        return DesignState(queried, weights, inverse, leverages, present, jnp.zeros((), bool))

    def step(self, problem: BanditProblem, state: DesignState) -> DesignState:
        """One Frank-Wolfe step; once the design stands, the greedy action."""
        effective = jnp.sum(state.present)
        action = first_largest(jnp.where(problem.mask, state.leverages, -jnp.inf))
        leverage = state.leverages[action]
        full = jnp.sum(state.queried, dtype=jnp.int32) >= jnp.minimum(self.queries, problem.samples)
        ready = full | (leverage <= (1 + self.tolerance) * effective)
        # With one column every design is optimal, and its leverage is one.
        moved = jnp.where(ready, 0, ratio(leverage / effective - 1, leverage - 1))
        place = jnp.arange(problem.rows, dtype=jnp.int32) == action
        row = problem.adjoint(place.astype(state.weights.dtype)) * state.present
        image = state.inverse @ row
        shrink = moved / (1 - moved + moved * leverage)
        products = problem.forward(image)
        inverse = (state.inverse - shrink * image[:, None] * image[None, :]) / (1 - moved)
        leverages = (state.leverages - shrink * products**2) / (1 - moved)
        weights = (1 - moved) * state.weights + moved * place.astype(state.weights.dtype)
        fitted = inverse @ (problem.adjoint(weights * problem.observations) * state.present)
        added = jnp.where(ready, greedy_action(problem, fitted), action)
        return DesignState(with_action(state.queried, added), weights, inverse, leverages, state.present, ready)

    def finished(self, problem: BanditProblem, state: DesignState) -> Bool[Array, ""]:
        """Once the greedy action is queried."""
        return state.played
