"""Reading jumps off a function on a grid: where they are, and how large."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy import ndimage

from ..core.grid import forward_differences, shifted
from ..core.numbers import norm

# How far a jump that is smeared over several cells is followed.
REACH = 5


class Surface(eqx.Module):
    """A function on a grid with its jumps: `values` in every cell, and `sizes` of jumps, zero off the jump set."""

    values: Float[Array, "*cells"]
    sizes: Float[Array, "*cells"]

    @property
    def jumps(self) -> Bool[Array, "*cells"]:
        """The jump set: where sizes are positive."""
        return self.sizes > 0


def steps(values: Float[Array, "*cells"]) -> Float[Array, "*cells"]:
    """The largest difference, in absolute value, to the next cell along any axis."""
    return jnp.max(jnp.abs(forward_differences(values)), axis=0)


def jump_set(values: Float[Array, "*cells"], threshold: Float[Array, ""]) -> Bool[Array, "*cells"]:
    r"""Cells $i$ with $\big( \sum_j (u_{i + e_j} - u_i)^2 \big)^{1/2}$ of at least `threshold`."""
    return norm(forward_differences(values), 0) >= threshold


@jax.jit
def jump_sides(
    values: Float[Array, "*cells"], jumps: Bool[Array, "*cells"]
) -> tuple[Float[Array, "*cells"], Float[Array, "*cells"]]:
    r"""The lower and the upper value that the jump at each cell of the jump set lies between.

    Along each axis, walk up to five cells each way while in the jump set, and take the range of the values met; the axis
    with the largest range counts. A cell belongs to the set for its difference to the *next* cell, so the walk forward
    ends on the first cell beyond.
    """
    lower = upper = values
    for axis in range(values.ndim):
        low, high = _walked(values, jumps, axis)
        wider = high - low > upper - lower
        lower, upper = jnp.where(wider, low, lower), jnp.where(wider, high, upper)
    return lower, upper


def _walked(values, jumps, axis: int):
    """The least and the largest value met on a walk both ways along an axis."""

    def step(_, walk):
        low, high, ahead, behind, (value_ahead, jump_ahead), (value_behind, jump_behind) = walk
        value_ahead, jump_ahead = shifted(value_ahead, axis, 1, jnp.nan), shifted(jump_ahead, axis, 1, False)
        value_behind, jump_behind = shifted(value_behind, axis, -1, 0), shifted(jump_behind, axis, -1, False)
        following = jnp.where(ahead, value_ahead, values)
        # Beyond the grid there is nothing to compare with.
        following = jnp.where(jnp.isnan(following), values, following)
        ahead, behind = ahead & jump_ahead, behind & jump_behind
        preceding = jnp.where(behind, value_behind, values)
        low = jnp.minimum(low, jnp.minimum(following, preceding))
        high = jnp.maximum(high, jnp.maximum(following, preceding))
        return low, high, ahead, behind, (value_ahead, jump_ahead), (value_behind, jump_behind)

    # A loop: written out, the steps are fused into one kernel that computes the earlier ones again and again, and that
    # takes a compiler half a minute.
    start = (values, values, jumps, jumps, (values, jumps), (values, jumps))
    return jax.lax.fori_loop(0, REACH, step, start)[:2]


@jax.jit
def jump_sizes(values: Float[Array, "*cells"], jumps: Bool[Array, "*cells"]) -> Float[Array, "*cells"]:
    """How far apart the two sides of each jump are (`jump_sides`); zero off the jump set."""
    lower, upper = jump_sides(values, jumps)
    return jnp.where(jumps, upper - lower, 0)


@jax.jit
def with_neighbours(cells: Bool[Array, "*cells"]) -> Bool[Array, "*cells"]:
    """The cells, and those that share a side with one of them."""
    grown = cells
    for axis in range(cells.ndim):
        grown = grown | shifted(cells, axis, 1, False) | shifted(cells, axis, -1, False)
    return grown


def enclosed(jumps: Bool[Array | np.ndarray, "*cells"]) -> bool:
    """Whether the jump set separates the centre of the grid from its border: no path of cells gets across."""
    free, _ = ndimage.label(~np.asarray(jumps))
    centre = free[tuple(size // 2 for size in free.shape)]
    border = np.ones(free.shape, bool)
    border[(slice(1, -1),) * free.ndim] = False
    # The last row and column belong to no difference, so a corner region counts as the border too.
    return bool(centre != 0 and centre not in free[border])


def read_off(
    values: Float[Array, "*cells"], threshold: Float[Array, ""], scale: Float[Array, ""]
) -> Float[Array, "*cells"]:
    """Jump sizes of scaled values in the units of the outcomes."""
    return jump_sizes(values, jump_set(values, threshold)) * scale


def jump_metrics(truth: Surface, estimate: Surface) -> dict[str, Float[Array, ""]]:
    r"""How well jumps are found and measured. Neighbours of a jump cell count neither as missed nor as invented.

    - `false_positive`: share of cells off the true jump set that are detected and have no true neighbour.
    - `false_negative`: share of true jump cells that are not detected, nor any neighbour.
    - `jump`: mean estimated size over detected cells that are true or next to one; not a number without any.
    - `jump_bias`, `jump_mse`: mean and mean square of that size minus the mean true size.
    - `one_step`: mean over true jump cells of the largest difference to a next cell; a jump with the slope over one cell.
    """
    dtype = truth.values.dtype
    true, found = truth.jumps, estimate.jumps
    near = with_neighbours(true)
    wrong = jnp.sum(found & ~near).astype(dtype)
    missed = jnp.sum(true & ~with_neighbours(found)).astype(dtype)
    count = jnp.sum(true).astype(dtype)
    right = found & near
    hits = jnp.sum(right).astype(dtype)
    height = jnp.sum(truth.sizes) / count
    mean = jnp.sum(jnp.where(right, estimate.sizes, 0)) / hits
    return {
        "false_positive": wrong / jnp.sum(~true).astype(dtype),
        "false_negative": missed / count,
        "jump": mean,
        "jump_bias": mean - height,
        "jump_mse": jnp.sum(jnp.where(right, (estimate.sizes - height) ** 2, 0)) / hits,
        "one_step": jnp.sum(jnp.where(true, steps(estimate.values), 0)) / count,
        "one_step_truth": jnp.sum(jnp.where(true, steps(truth.values), 0)) / count,
    }
