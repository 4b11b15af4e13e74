"""Comparing dictionaries: sets of directions whose order and lengths mean nothing.

A dictionary is a matrix with one direction per row; rows of zeros are padding.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..core.matching import best_assignment
from ..core.numbers import squared_norm, unit

__all__ = [
    "consistency",
    "cosines",
    "greedy_distance",
    "largest_cosines",
    "matched_cosines",
    "present_rows",
    "unit_rows",
]


def unit_rows(dictionary: Float[Array, "rows dimension"]) -> Float[Array, "rows dimension"]:
    """Every row divided by its norm; rows of zeros stay."""
    return unit(dictionary)


def present_rows(dictionary: Float[Array, "rows dimension"]) -> Bool[Array, " rows"]:
    """Mask of the rows that are not padding."""
    return jnp.any(dictionary != 0, axis=1)


def cosines(
    first: Float[Array, "rows dimension"], second: Float[Array, "others dimension"]
) -> Float[Array, "rows others"]:
    """Cosines of all pairs; -2 where either row is padding."""
    with jax.default_matmul_precision("float32"):
        products = unit(first) @ unit(second).T
    return jnp.where(present_rows(first)[:, None] & present_rows(second)[None, :], products, -2)


def largest_cosines(
    first: Float[Array, "rows dimension"], second: Float[Array, "others dimension"]
) -> tuple[Float[Array, " rows"], Bool[Array, " rows"]]:
    """For every row of the first its largest cosine with a row of the second, and the mask of rows that are not padding.

    Rows of the second may serve several of the first: the matching of the literature's mean maximum cosine similarity.
    """
    return jnp.max(cosines(first, second), axis=1), present_rows(first)


def greedy_distance(
    first: Float[Array, "rows dimension"], second: Float[Array, "others dimension"]
) -> Float[Array, ""]:
    r"""One minus the mean largest cosine, as $\frac{1}{2n} \sum_i \|u_i - w_{m(i)}\|^2$ of unit rows: exactly zero for equal ones."""
    nearest = jnp.argmax(cosines(first, second), axis=1)
    present = present_rows(first)
    gaps = squared_norm(unit(first) - unit(second)[nearest], axis=1) / 2
    # A dictionary without rows has no direction in common with anything.
    gaps = jnp.where(jnp.any(present_rows(second)), gaps, 1)
    return jnp.sum(jnp.where(present, gaps, 0)) / jnp.maximum(jnp.sum(present), 1).astype(gaps.dtype)


def matched_cosines(
    first: Float[Array, "rows dimension"], second: Float[Array, "others dimension"]
) -> Float[Array, " pairs"]:
    """Cosines under the one-to-one matching of largest total cosine (`optax.assignment`), in the order of the shorter one.

    Where features are coherent one neuron can be near several of them; then this matching says what was found, and the
    largest cosines do not. Rows of zeros are matched last, with cosine zero.
    """
    products = cosines(first, second)
    rows, columns = best_assignment(products)
    found = products[rows, columns]
    order = jnp.argsort(rows if first.shape[0] <= second.shape[0] else columns)
    # Padding has the cosine -2.
    return jnp.where(found < -1.5, 0, found)[order]


def consistency(
    first: Float[Array, "rows dimension"],
    second: Float[Array, "others dimension"],
    level: float = 0.9,
    chosen: Bool[Array, " rows"] | None = None,
) -> Float[Array, ""]:
    """Share of rows of the first, among those `chosen`, that have a cosine above `level` with a row of the second."""
    found, present = largest_cosines(first, second)
    counted = present if chosen is None else present & chosen
    share = jnp.sum((found > level) & counted).astype(found.dtype)
    return share / jnp.maximum(jnp.sum(counted), 1).astype(found.dtype)
