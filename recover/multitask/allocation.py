"""Which sources matter for a target, and how many samples of each to buy."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.numbers import ratio
from ..core.theory_arguments import as_floats, require_interval
from ..scalar.proximal import soft_threshold
from .small_systems import solve_small

__all__ = ["least_norm_relevance", "sparse_relevance", "task_allocation"]

_ITERATIONS = 1000


def least_norm_relevance(
    heads: Real[ArrayLike, "tasks rank"], target: Real[ArrayLike, " rank"]
) -> Float[Array, " tasks"]:
    r"""$\nu^2 = \arg\min \|\nu\|_2$ subject to $\sum_m \nu_m w_m = w_t$.

    **Arguments:** `heads` $w_m$ of sources, one row each, spanning all dimensions, and the head `target` $w_t$.

    **Returns:** a number per source.

    Source: Chen, Jamieson and Du (chen2022).
    """
    heads, target = as_floats(heads, target)
    return heads @ solve_small(heads.T @ heads, target[:, None])[:, 0]


def sparse_relevance(
    heads: Real[ArrayLike, "tasks rank"], target: Real[ArrayLike, " rank"], strength: Real[ArrayLike, ""] = 0.0
) -> Float[Array, " tasks"]:
    r"""$\nu^1 = \arg\min \|\nu\|_1$ subject to $\sum_m \nu_m w_m = w_t$; with a `strength` $\lambda$, the LASSO for noisy heads.

    $$\arg\min_\nu \tfrac12 \Big\|\sum_m \nu_m w_m - w_t\Big\|^2 + \lambda \|\nu\|_1$$

    by a thousand iterations of alternating directions whose threshold is a tenth of the largest entry of $\nu^2$; $\lambda = 0$ is
    no special case. Exactly sparse: at most as many entries as dimensions, generically.

    **Arguments:** `heads` and `target` as for `least_norm_relevance`; `strength` $\lambda \ge 0$.

    **Returns:** a number per source.

    **Raises:** `ValueError` for a concrete negative strength.

    Source: Wang, Chen, Jamieson and Du (wang2023); the iteration is that of Boyd et al. (boyd2011, sections 6.2 and 6.4).
    """
    require_interval("strength", strength, 0, float("inf"), closed="left")
    heads, target, strength = as_floats(heads, target, strength)
    start = least_norm_relevance(heads, target)
    threshold = 0.1 * jnp.max(jnp.abs(start))
    gram = heads.T @ heads
    gram = gram + ratio(strength, threshold) * jnp.eye(len(target), dtype=gram.dtype)

    def iterate(_, state):
        sparse, multipliers = state
        wanted = sparse - multipliers
        fitted = wanted + heads @ solve_small(gram, (target - wanted @ heads)[:, None])[:, 0]
        moved = fitted + multipliers
        sparse = soft_threshold(moved, threshold)
        return sparse, moved - sparse

    return jax.lax.fori_loop(0, _ITERATIONS, iterate, (start, jnp.zeros_like(start)))[0]


def task_allocation(
    weights: Real[ArrayLike, " tasks"], budget: Real[ArrayLike, ""], samples: Real[ArrayLike, " tasks"]
) -> Float[Array, " tasks"]:
    r"""$n_m = \max(s_m, c \, a_m)$ with the $c$ at which they sum to the budget; $s_m$ where that is spent already.

    **Arguments:** `weights` $a_m \ge 0$: $|\nu^1_m|$ is L1-A-MTRL, $(\nu^2_m)^2$ L2-A-MTRL, ones are passive; the `budget`, and the
    `samples` $s_m \ge 0$ of each source that are there already.

    **Returns:** real numbers of samples, those that are there included.

    **Raises:** `ValueError` for concrete negative numbers.

    Source: the sampling rule of wang2023 and chen2022, with every source's exploration as its least number.
    """
    for name, value in {"weights": weights, "budget": budget, "samples": samples}.items():
        require_interval(name, value, 0, float("inf"), closed="left")
    weights, budget, samples = as_floats(weights, budget, samples)
    # The sum is convex in c, the largest of the lines that it has with a source more at a time, in the order in which they enter.
    order = jnp.argsort(ratio(samples, weights, jnp.inf))
    entered = jnp.cumsum(weights[order])
    left = jnp.sum(samples) - jnp.cumsum(samples[order])
    scale = jnp.min(ratio(budget - left, entered, jnp.inf))
    return jnp.maximum(samples, jnp.where(jnp.isfinite(scale), scale, 0) * weights)
