"""Intervals for jump sizes by subsampling: how much do they vary when part of the points is left out?"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws
from ..core.sizes import row_mask
from ..core.solve import run
from .gridding import grid_means, require_inside, unit_box
from .jumps import jump_sizes
from .problem import SurfaceProblem

__all__ = ["SubsamplingInterval", "subsampled_sizes", "subsampling_interval"]


def subsampled_sizes(
    points: Float[Array, "points dimension"],
    outcomes: Float[Array, " points"],
    cells: tuple[int, ...],
    solver,
    jumps: Bool[Array, "*cells"],
    sizes: Int[Array, " sizes"],
    replicates: int,
    key: Key[Array, ""],
    max_steps: int = 100,
    batch: int = 16,
) -> Float[Array, "sizes replicates *cells"]:
    r"""Jump sizes on a fixed jump set, estimated from random subsets of the points.

    Every replicate draws `sizes[i]` of the points without replacement, averages them over cells, solves, and reads sizes off
    along the given jumps, so that all replicates measure the same functional. Scales are those of the whole sample.

    **Arguments:**

    - `points`, `outcomes`: the whole sample.
    - `cells`: numbers of cells per axis (static).
    - `solver`: whatever estimates surfaces.
    - `jumps`: the jump set of the whole sample.
    - `sizes`: of the subsets.
    - `replicates`: how many of each size (static).
    - `key`: of the subsets and of the solves.
    - `max_steps`: of every solve.
    - `batch`: how many solves run side by side (static).

    **Raises:** `ValueError` for a point outside of the grid.
    """
    require_inside("subsampled_sizes", points, None, unit_box(cells))
    return _subsampled_sizes(points, outcomes, cells, solver, jumps, sizes, replicates, key, max_steps, batch)


@eqx.filter_jit
def _subsampled_sizes(points, outcomes, cells, solver, jumps, sizes, replicates, key, max_steps, batch):
    rows = points.shape[0]
    lower, upper = jnp.min(outcomes), jnp.max(outcomes)

    def replicate(pair):
        key, size = pair
        order = draws.random_order(key, rows)
        # A prefix of a random order, so that a subset of a larger size contains that of a smaller one.
        used = jnp.zeros(rows, bool).at[order].set(row_mask(size, rows), unique_indices=True)
        problem = SurfaceProblem(grid_means(points, outcomes, cells, used), lower=lower, upper=upper)
        value = run(problem, solver, key, max_steps).value
        return jump_sizes(value.values, jumps)

    keys = jnp.tile(draws.split(key, replicates), sizes.shape[0])
    counts = jnp.repeat(sizes, replicates)
    found = jax.lax.map(replicate, (keys, counts), batch_size=min(batch, keys.shape[0]))
    return found.reshape(sizes.shape[0], replicates, *cells)


class SubsamplingInterval(NamedTuple):
    """Ends of an interval, and the rate of convergence it was made with."""

    low: np.ndarray
    high: np.ndarray
    rate: float


def subsampling_interval(estimate, replicates, sizes, samples: int, level: float = 0.95) -> SubsamplingInterval:
    r"""$[u - q_{1-\alpha/2} / N^\beta,\; u - q_{\alpha/2} / N^\beta]$ with quantiles $q$ of $b^\beta (u_b - u)$ at the largest $b$.

    The rate $\beta$ is minus the slope of the logarithm of the interquartile range of $u_b$ on $\log b$, averaged over the
    entries; it is kept within $[0, 1/2]$.

    **Arguments:**

    - `estimate`: shape (entries,), from all `samples` points.
    - `replicates`: shape (sizes, replicates, entries), from subsets of the given `sizes`.
    - `level`: nominal coverage.

    Source: D. N. Politis, J. P. Romano and M. Wolf, Subsampling (1999) (politis1999, chapter 8 for estimated rates).
    """
    estimate, replicates = np.asarray(estimate, float), np.asarray(replicates, float)
    log_sizes = np.log(np.asarray(sizes, float))
    upper, lower = (np.quantile(replicates, level, axis=1) for level in (0.75, 0.25))
    spread = np.log(np.maximum(upper - lower, 1e-12)).mean(axis=1)
    rate = float(np.clip(-np.polyfit(log_sizes, spread, 1)[0], 0, 0.5))
    largest = int(np.argmax(log_sizes))
    scale = (float(np.asarray(sizes)[largest]) / samples) ** rate
    deviations = replicates[largest] - estimate
    ends = [estimate - scale * np.quantile(deviations, q, axis=0) for q in ((1 + level) / 2, (1 - level) / 2)]
    return SubsamplingInterval(ends[0], ends[1], rate)
