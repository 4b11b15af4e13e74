"""Matching the parts of an estimate with those of the truth, where their order means nothing."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int


def best_assignment(similarity: Float[Array, "n m"]) -> tuple[Int[Array, " pairs"], Int[Array, " pairs"]]:
    r"""The pairs $(i, j)$, each row and each column used once at most, that maximise $\sum S_{ij}$: rows and columns of min(n, m) pairs.

    An optimal assignment by the Hungarian algorithm (`optax.assignment`). Entries that are not finite count as the worst
    possible match, so that a batch with an estimate that is not a number still ends.
    """
    # The algorithm's own arrays have JAX's default precision.
    similarity = similarity.astype(jnp.zeros(()).dtype)
    finite = jnp.isfinite(similarity)
    values = jnp.where(finite, similarity, 0)
    worst = jnp.min(values) - jnp.sum(jnp.max(values) - values) - 1
    return optax.assignment.hungarian_algorithm(-jnp.where(finite, values, worst))


def best_permutation(similarity: Float[Array, "n n"]) -> Int[Array, " n"]:
    r"""The permutation $\pi$ that maximises $\sum_i S_{i \pi(i)}$: row $i$ is matched with column $\pi(i)$, as `best_assignment` does."""
    rows, columns = best_assignment(similarity)
    return jnp.zeros(similarity.shape[0], jnp.int32).at[rows].set(columns.astype(jnp.int32), unique_indices=True)
