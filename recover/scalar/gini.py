"""The Gini index: how unequal magnitudes are."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.data import as_data, as_mask, in_one_dtype
from ..core.numbers import ratio

__all__ = ["gini_index"]

# Up to so many entries all pairs are compared, which is much faster along a leading axis than sorting (measured).
_FEW = 16


def gini_index(values, live=None) -> Float[Array, "*batch"]:
    r"""The Gini index of the magnitudes of the live entries along the first axis, all by default.

    $$G = \frac{\sum_{i < j} \big| |w_i| - |w_j| \big|}{d \sum_i |w_i|}
        = \frac{\sum_{i=1}^d (2 i - d - 1) |w|_{(i)}}{d \sum_i |w_i|}, \qquad |w|_{(1)} \le \dots \le |w|_{(d)},$$

    with $d$ the number of live entries: from 0 (all magnitudes equal) to $1 - 1/d$ (one entry is not zero). Zero where
    nothing is live or all live entries are zero. Integers are taken as floats.

    **Raises:** `ValueError` for an array without axes, or `live` of another length; `TypeError` for complex data and for what is
    no array of numbers.
    """
    values = as_data("gini_index", "values", values, "size ...", finite=False)
    (values,) = in_one_dtype("gini_index", values=values)
    live = None if live is None else jnp.asarray(as_mask("gini_index", "live", live, values.shape[:1]))
    size, dtype = values.shape[0], values.dtype
    magnitudes, column = jnp.abs(values), (-1, *[1] * (values.ndim - 1))
    live_size = jnp.asarray(size, dtype)
    if live is not None:
        magnitudes = jnp.where(live.reshape(column), magnitudes, 0)
        live_size = jnp.sum(live.astype(dtype))
    total = jnp.sum(magnitudes, axis=0)
    if size <= _FEW:
        differences = jnp.zeros_like(total)
        for shift in range(1, size):
            differences += jnp.sum(jnp.abs(magnitudes[shift:] - magnitudes[:-shift]), axis=0)
        # Every pair of a live entry and one that is not has contributed the magnitude itself.
        differences -= (size - live_size) * total
    else:
        # Entries that are not live come first and weigh nothing.
        rank = jnp.arange(1, size + 1, dtype=dtype) - (size - live_size)
        differences = jnp.sum((2 * rank - live_size - 1).reshape(column) * jnp.sort(magnitudes, axis=0), axis=0)
    return ratio(differences, live_size * total)
