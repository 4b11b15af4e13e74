"""Numbers that say how sparse a vector is, whatever its scale, its signs and the order of its entries."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.data import as_data, as_mask, in_one_dtype, number, require_finite
from ..core.leaves import is_concrete

__all__ = ["pq_index"]


def pq_index(values, p, q, live=None) -> Float[Array, ""]:
    r"""The PQ Index of the live entries, all by default; $0 < p < q$, both may be traced.

    $$I_{p,q}(w) = 1 - d^{1/q - 1/p} \frac{\|w\|_p}{\|w\|_q}
                 = 1 - \frac{\big(\frac1d \sum_i |w_i|^p\big)^{1/p}}{\big(\frac1d \sum_i |w_i|^q\big)^{1/q}}$$

    with $d$ the number of live entries: entries that are not live are no zeros, they are not there. From 0 (all magnitudes
    equal) to $1 - d^{1/q - 1/p}$ (one entry is not zero). Zero where nothing is live or all live entries are zero.

    Integers are taken as floats.

    **Raises:** `ValueError` for another shape than that of a vector, `live` of another one, a live entry that is not finite (where
    values are traced the index is NaN then), or powers that are not in order;
    `TypeError` for complex data and for what is no array of numbers.

    Source: Diao, Wang, Zhang, Yang, Ding and Tarokh, arXiv:2302.05601 (diao2023).
    """
    values = as_data("pq_index", "values", values, "size", finite=False)
    (values,) = in_one_dtype("pq_index", values=values)
    for name, power in {"p": p, "q": q}.items():
        number("pq_index", name, power, "positive", values.dtype)
    if is_concrete(p) and is_concrete(q) and np.asarray(p) >= np.asarray(q):
        raise ValueError(f"pq_index: `p` is {p} and `q` is {q}; p < q is allowed.")
    live = (
        jnp.ones(values.shape, bool) if live is None else jnp.asarray(as_mask("pq_index", "live", live, values.shape))
    )
    if is_concrete(values) and is_concrete(live):
        require_finite("pq_index", "values", jnp.where(live, values, 0))
    groups = jnp.zeros(values.shape, jnp.int32)
    return grouped_pq_index(values, p, q, live, groups, 1)[0]


def grouped_pq_index(
    values: Float[Array, " size"],
    p: Float[Array, ""] | float,
    q: Float[Array, ""] | float,
    live: Bool[Array, " size"],
    groups: Int[Array, " size"],
    count: int,
) -> Float[Array, " count"]:
    """The PQ Index of the live entries of each of `count` groups; `groups` holds the number of every entry's group."""
    dtype = values.dtype
    p, q = jnp.asarray(p, dtype), jnp.asarray(q, dtype)
    magnitudes = jnp.where(live, jnp.abs(values), 0)
    # Relative to the largest, so that no power overflows: for p = 0.1 the outer power is 10.
    largest = jax.ops.segment_max(magnitudes, groups, count)
    largest = jnp.where(largest > 0, largest, 1)
    relative = magnitudes / largest[groups]
    positive = relative > 0
    safe = jnp.where(positive, relative, 1)
    size = jnp.maximum(jax.ops.segment_sum(live.astype(dtype), groups, count), 1)

    def log_norm(power):
        total = jax.ops.segment_sum(jnp.where(positive, safe**power, 0), groups, count)
        return jnp.log(jnp.where(total > 0, total, 1) / size) / power, total > 0

    (small, present), (large, _) = log_norm(p), log_norm(q)
    # Rounding makes it slightly negative where all magnitudes are equal.
    found = jnp.where(present, jnp.maximum(-jnp.expm1(small - large), 0), 0)
    broken = jax.ops.segment_max((~jnp.isfinite(magnitudes)).astype(jnp.int32), groups, count) > 0
    return jnp.where(broken, jnp.nan, found)
