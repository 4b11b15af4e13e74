"""Least squares on a support, for supports that are traced masks."""

import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Bool, Float

from ..operators.weighted_columns import WeightedColumns
from .problem import LinearProblem

# Iterations of one solve. Solvers call this once or twice per step and refine from their last answer, so accuracy
# accumulates over steps and one call need not be perfect.
_MOST_STEPS = 40
# lineax's conjugate gradients give up (with NaN) on curvatures below 100 n eps in absolute terms: 5e-3 in float32 at n = 400,
# which near-singular supports reach. Columns of this norm, a power of two, put that floor below rounding.
_COLUMN_NORM = 1024.0


def restricted_least_squares(
    problem: LinearProblem, support: Bool[Array, " dimension"], start: Float[Array, " dimension"]
) -> Float[Array, " dimension"]:
    r"""Approximates $\arg\min \{\|y - A x\| : \mathrm{supp}\, x \subseteq S\}$, starting from `start` restricted to S.

    A correction of the start is found by conjugate gradients on the normal equations of $A M$, with $M$ the diagonal
    mask of the support: matrix-free, so a batch of problems that share a design costs matrix-matrix products (gathering
    columns would copy the design for each of them; so does LSMR, whose branches `jax.vmap` turns into selections), and
    of minimum norm where the support has more columns than there are samples. Solving for the correction makes a
    repeated call an iterative refinement, which is what lets float32 reach its rounding error.
    """
    start = jnp.where(support, start, 0)
    # In units in which columns have unit norm, so that precision means the same for every coordinate.
    scale = problem.column_norm
    weights = _COLUMN_NORM * support.astype(start.dtype) / scale
    restricted = WeightedColumns(problem.operator, weights)
    gradient = restricted.T.mv(problem.residual(start))
    # One absolute tolerance for all coordinates: those off the support are zero, and so would be a relative one.
    precision = 10 * jnp.finfo(start.dtype).eps * jnp.max(jnp.abs(gradient)) + jnp.finfo(start.dtype).tiny
    precision = jax.lax.stop_gradient(precision)
    solution = lx.linear_solve(
        lx.TaggedLinearOperator(restricted.T @ restricted, lx.positive_semidefinite_tag),
        gradient,
        lx.CG(rtol=0.0, atol=precision, stabilise_every=None, max_steps=_MOST_STEPS),
        throw=False,
    )
    return start + weights * jnp.nan_to_num(solution.value)
