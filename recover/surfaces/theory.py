r"""What the Mumford-Shah functional does to a step, and its exact minimum on a line.

For $\lambda \int (u - y)^2 + \int_{\setminus S_u} |u'|^2 + \nu \# S_u$ on $[0, 1]$ with outcomes scaled to $[0, 1]$ (the
functional of D. Mumford and J. Shah, Communications on Pure and Applied Mathematics 42 (1989) (mumford1989)). The formulas are
derived here.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats

__all__ = ["largest_kept_penalty", "least_quiet_penalty", "mumford_shah_line"]


def largest_kept_penalty(height: Real[Array, "..."] | float, data_weight: Real[Array, "..."] | float) -> Array:
    r"""$\nu^* = J^2 \sqrt\lambda / 2$: a step of height $J$ far from others is kept as a jump iff $\nu < \nu^*$.

    Smoothing it instead costs $\min_u \lambda \int (u - y)^2 + \int u'^2 = J^2 \sqrt\lambda / 2$, with $u$ exponential of length
    $1/\sqrt\lambda$ on both sides.
    """
    height, data_weight = as_floats(height, data_weight)
    return height**2 * jnp.sqrt(data_weight) / 2


def least_quiet_penalty(
    spike: Real[Array, "..."] | float, data_weight: Real[Array, "..."] | float, spacing: Real[Array, "..."] | float
) -> Array:
    r"""$\lambda h e^2 / 2$: noise of size $e$ in one cell of width $h$ is worth two jumps iff $\nu$ is below this."""
    spike, data_weight, spacing = as_floats(spike, data_weight, spacing)
    return data_weight * spacing * spike**2 / 2


@jax.jit
def mumford_shah_line(
    values: Float[Array, " cells"], data_weight: Float[Array, ""] | float, jump_penalty: Float[Array, ""] | float
) -> tuple[Float[Array, " cells"], Float[Array, ""]]:
    r"""The exact minimiser and minimum of the discrete functional on a line,

    $$\sum_i \lambda h (u_i - y_i)^2 + \sum_{i \notin S} (u_{i+1} - u_i)^2 / h + \nu \# S, \qquad h = 1/n,$$

    by dynamic programming over segments: the best continuation from every cell, with the costs of all $n^2/2$ segments from a
    Riccati recursion (the cost of a segment given its last value is a parabola). The convex relaxation that
    `FreeDiscontinuityRegression` solves can be compared with it. Quadratic in the number of cells, in time and memory.

    **Arguments:**

    - `values`: $y$ on the cells.
    - `data_weight`, `jump_penalty`: $\lambda$ and $\nu$.

    **Returns:** the minimiser and the minimum.
    """
    dtype = values.dtype
    n = values.shape[0]
    h = 1 / n
    weight = jnp.asarray(data_weight, dtype) * h
    penalty = jnp.asarray(jump_penalty, dtype)

    def segments(start):
        """Costs of the segments [start, end] for all ends; infinite before the start."""

        def extend(carry, end):
            curvature, centre, constant, alive = carry
            y = values[end]
            begins = end == start
            # min over the previous value of its parabola and the link: curvatures in series.
            linked = curvature / (1 + h * curvature)
            prior_curvature, prior_centre = jnp.where(begins, 0, linked), jnp.where(begins, 0, centre)
            prior_constant = jnp.where(begins, 0, constant)
            total = prior_curvature + weight
            middle = (prior_curvature * prior_centre + weight * y) / total
            cost = prior_constant + prior_curvature * weight / total * (prior_centre - y) ** 2
            alive = alive | begins
            return (total, middle, cost, alive), jnp.where(alive, cost, jnp.inf)

        zero = jnp.zeros((), dtype)
        return jax.lax.scan(extend, (zero, zero, zero, jnp.asarray(False)), jnp.arange(n, dtype=jnp.int32))[1]

    costs = jax.vmap(segments)(jnp.arange(n, dtype=jnp.int32))

    def bellman(best, end):
        """Least cost of cells 0 ... end, and where its last segment starts."""
        options = best[:n] + costs[:, end] + jnp.where(jnp.arange(n, dtype=jnp.int32) > 0, penalty, 0)
        first = jnp.argmin(options)
        return best.at[end + 1].set(options[first]), first.astype(jnp.int32)

    start = jnp.full(n + 1, jnp.inf, dtype).at[0].set(0)
    best, firsts = jax.lax.scan(bellman, start, jnp.arange(n, dtype=jnp.int32))

    def trace(first, cell):
        """From the right: whether a segment starts at each cell."""
        current = jnp.where(first < 0, firsts[cell], first)
        starts = current == cell
        return jnp.where(starts, -1, current), starts

    _, starts = jax.lax.scan(trace, jnp.asarray(-1, jnp.int32), jnp.arange(n - 1, -1, -1, dtype=jnp.int32))
    linked = jnp.where(starts[::-1][1:], 0, 1 / h).astype(dtype)
    diagonal = weight + jnp.zeros(n, dtype).at[1:].add(linked).at[:-1].add(linked)
    below = jnp.concatenate([jnp.zeros(1, dtype), -linked])
    above = jnp.concatenate([-linked, jnp.zeros(1, dtype)])
    solution = jax.lax.linalg.tridiagonal_solve(below, diagonal, above, (weight * values)[:, None])[:, 0]
    return solution, best[n]
