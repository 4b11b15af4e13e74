"""What models of generalised linear observations share: standardised columns, and outcomes of a predictor."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws
from ..core.numbers import ratio, squared_norm


def standardised(
    columns: Float[Array, "rows columns"], mask: Bool[Array, " rows"]
) -> tuple[Float[Array, "rows columns"], Float[Array, " columns"]]:
    """Columns of mean 0 and variance 1 over the rows of data, the other rows zero; and the deviations that they had."""
    total, rows = jnp.sum(mask).astype(columns.dtype), mask[:, None]
    mean = jnp.sum(jnp.where(rows, columns, 0), axis=0, keepdims=True) / total
    centred = jnp.where(rows, columns - mean, 0)
    deviations = jnp.sqrt(squared_norm(centred, axis=0) / total)
    return ratio(centred, deviations[None, :]), deviations


def outcomes(
    key: Key[Array, ""], predictor: Float[Array, " rows"], link: Int[Array, ""], mask: Bool[Array, " rows"]
) -> Float[Array, " rows"]:
    r"""$\eta$ for the identity link, $\mathrm{Bernoulli}(1 / (1 + e^{-\eta}))$ for the logistic one; zero where rows are no data."""
    binary = draws.uniform(key, predictor.shape) * (1 + jnp.exp(-predictor)) < 1
    return jnp.where(mask, jnp.where(link == 1, binary.astype(predictor.dtype), predictor), 0)
