"""Least squares on a support, for supports that are traced masks."""

import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Bool, Float

from ..problems import LinearProblem

# Iterations of one solve. Solvers call this once or twice per step and refine from their last answer, so accuracy
# accumulates over steps and one call need not be perfect.
_MOST_STEPS = 40


def restricted_least_squares(
    problem: LinearProblem, support: Bool[Array, " dimension"], start: Float[Array, " dimension"]
) -> Float[Array, " dimension"]:
    r"""Approximates $\arg\min \{\|y - A x\| : \mathrm{supp}\, x \subseteq S\}$, starting from `start` restricted to S.

    A correction of the start is found by LSMR on $A M$, with $M$ the diagonal mask of the support: matrix-free, so a
    batch of problems that share a design costs matrix-matrix products (gathering columns would copy the design for
    each of them), with the accuracy of the design rather than of its squared condition number, and of minimum norm
    where the support has more columns than there are samples. Solving for the correction makes a repeated call an
    iterative refinement, which is what lets float32 reach its rounding error.
    """
    start = jnp.where(support, start, 0)
    # In units in which columns have unit norm, so that the solver's stopping rule is free of scale.
    scale = problem.column_norm
    mask = lx.DiagonalLinearOperator(support.astype(start.dtype) / scale)
    solution = lx.linear_solve(
        problem.operator @ mask,
        problem.residual(start),
        lx.LSMR(rtol=10 * float(jnp.finfo(start.dtype).eps), atol=0.0, max_steps=_MOST_STEPS),
        throw=False,
    )
    return start + mask.mv(solution.value)
