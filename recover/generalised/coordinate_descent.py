"""Coordinate descent for penalised generalised linear models."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core.fields import Real, Whole, leaf
from ..scalar.penalties import AbstractPenalty, as_penalty
from .descent import AbstractDescent, Descent
from .generalised_problem import GeneralisedLinearProblem

__all__ = ["CoordinateDescent"]


class CoordinateDescent(AbstractDescent):
    r"""Minimises $f(x) + p(x)$ over one coordinate after another, in their order; a step is a pass over all of them.

    With $v_j = \kappa \|a_j\|^2 / n$ and $g_j$ the slope of the quadratic majoriser of $f$ at the start of the pass (which is $f$
    itself for the identity link),

    $$x_j \leftarrow \mathrm{prox}_{p / v_j}(x_j - g_j / v_j).$$

    The map is the exact minimiser in the coordinate, also where that is not convex. The matrix $A^\top A$ is held.

    - `penalty`: the strength of an l1 penalty or any of `recover.penalties` with one strength for all coordinates.

    Source: Breheny and Huang (breheny2011), for linear models. For the logistic link they rescale the penalty instead.
    """

    penalty: AbstractPenalty = eqx.field(converter=as_penalty)
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(100, "count")

    def init(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> Descent:
        """Zero coefficients."""
        return self.begin(problem, key)

    def prepared(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> Float[Array, "dimension dimension"]:
        r"""The Hessian of the majoriser, $\kappa A^\top A / n$ over the rows that are fitted."""
        matrix = jnp.where(problem.fitted[:, None], problem.operator.as_matrix(), 0)
        return problem.curvature / problem.training.astype(matrix.dtype) * (matrix.T @ matrix)

    def started(self, problem: GeneralisedLinearProblem, state: Descent) -> Descent:
        """As it is: a pass ends with the gradient at its coefficients, and sets to zero those that are not kept."""
        return state

    def step(self, problem: GeneralisedLinearProblem, state: Descent) -> Descent:
        """A pass over all coordinates."""
        hessian, penalty = state.memory, state.penalty
        curvatures = jnp.diagonal(hessian)
        curvatures = jnp.where(curvatures > 0, curvatures, 1)

        def update(j, carry):
            x, gradient, largest = carry
            new = penalty.proximal(x[j] - gradient[j] / curvatures[j], 1 / curvatures[j])
            moved = jnp.where(state.kept[j], new, 0) - x[j]
            return (
                x.at[j].add(moved),
                gradient + hessian[j] * moved,
                jnp.maximum(largest, jnp.abs(moved) * curvatures[j]),
            )

        start = (state.x, state.gradient, jnp.zeros((), state.x.dtype))
        x, _, largest = jax.lax.fori_loop(0, problem.dimension, update, start)
        predictor = problem.predictor(x)
        return self.moved(state, x, x, predictor, problem.gradient(predictor), largest, hessian)
