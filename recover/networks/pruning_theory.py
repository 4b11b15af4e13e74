"""How many weights must stay, by their PQ Index, and what the index is for weights of a known law."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Bool, Float

__all__ = [
    "adaptive_keep_share",
    "gaussian_pq_index",
    "laplace_pq_index",
    "pq_pruning_bound",
    "tail_ratio",
    "uniform_pq_index",
]

Number = Float[Array, "..."] | np.ndarray | np.number | float | int


def pq_pruning_bound(count: Number, index: Number, p: Number, q: Number, eta: Number = 0.0) -> Float[Array, "..."]:
    r"""The PQI bound: the least $r$ for which the other $d - r$ weights can have a share $\eta$ of the $p$-th powers.

    $$r \ge d\, (1 + \eta)^{-q / (q - p)} \big( 1 - I_{p,q}(w) \big)^{q p / (q - p)}$$

    whenever $\sum_{i \notin M_r} |w_i|^p \le \eta \sum_{i \in M_r} |w_i|^p$, with $M_r$ the $r$ largest magnitudes. By
    $\|w\|_p^p \le (1 + \eta) \sum_{M_r} |w_i|^p \le (1 + \eta)\, r^{1 - p/q} \|w\|_q^p$ and the definition of the index.

    Source: Diao, Wang, Zhang, Yang, Ding and Tarokh, arXiv:2302.05601 (diao2023, Theorem 2).
    """
    count, index, p, q, eta = (jnp.asarray(value, jnp.result_type(float)) for value in (count, index, p, q, eta))
    return count * (1 + eta) ** (-q / (q - p)) * (1 - index) ** (q * p / (q - p))


def tail_ratio(
    values: Float[Array, " size"], live: Bool[Array, " size"], p: Number, kept: Float[Array, " counts"]
) -> Float[Array, " counts"]:
    r"""$\eta_r = \sum_{i \notin M_r} |w_i|^p / \sum_{i \in M_r} |w_i|^p$ among the live entries, for every $r$ in `kept`."""
    dtype = values.dtype
    # In the order in which `gini_index` sorts them, so that a program that wants both sorts once.
    ordered = jnp.sort(jnp.where(live, jnp.abs(values), 0))
    relative = ordered[::-1] / jnp.where(ordered[-1] > 0, ordered[-1], 1)
    powers = jnp.where(relative > 0, jnp.where(relative > 0, relative, 1) ** jnp.asarray(p, dtype), 0)
    sums = jnp.concatenate([jnp.zeros(1, dtype), jnp.cumsum(powers)])
    head = sums[jnp.clip(kept.astype(jnp.int32), 0, values.shape[0])]
    return jnp.where(head > 0, (sums[-1] - head) / jnp.where(head > 0, head, 1), jnp.inf)


def adaptive_keep_share(
    index: Number, p: Number, q: Number, eta: Number = 0.0, gamma: Number = 1.0, beta: Number = 0.9
) -> Float[Array, "..."]:
    r"""The share of live weights that an iteration of SAP keeps: $1 - \min(\gamma (1 - r/d), \beta)$, rounding left out.

    $r$ is the PQI bound (`pq_pruning_bound`). Products over iterations are the remaining shares of a run.
    """
    pruned = jnp.asarray(gamma) * (1 - pq_pruning_bound(1.0, index, p, q, eta))
    return 1 - jnp.clip(pruned, 0.0, jnp.asarray(beta, pruned.dtype))


def uniform_pq_index(p: Number, q: Number) -> Float[Array, "..."]:
    r"""The PQ Index of many uniform weights on $[-b, b]$, $1 - (1 + p)^{-1/p} (1 + q)^{1/q}$: that of layers at their start."""
    return -jnp.expm1(-_log1p_over(p) + _log1p_over(q))


def gaussian_pq_index(p: Number, q: Number) -> Float[Array, "..."]:
    r"""The PQ Index of many Gaussian weights, by $\mathbb{E} |w|^p = 2^{p/2}\, \Gamma((p + 1)/2) / \sqrt\pi$."""

    def log_norm(power):
        power = jnp.asarray(power, jnp.result_type(float))
        return (gammaln((power + 1) / 2) - jnp.log(jnp.pi) / 2) / power

    return -jnp.expm1(log_norm(p) - log_norm(q))


def laplace_pq_index(p: Number, q: Number) -> Float[Array, "..."]:
    r"""The PQ Index of many Laplace weights, by $\mathbb{E} |w|^p = \Gamma(p + 1)$."""

    def log_norm(power):
        power = jnp.asarray(power, jnp.result_type(float))
        return gammaln(power + 1) / power

    return -jnp.expm1(log_norm(p) - log_norm(q))


def _log1p_over(power):
    power = jnp.asarray(power, jnp.result_type(float))
    return jnp.log1p(power) / power
