r"""The inner product in which atoms are nearly orthogonal, and what dictionaries certify in it.

$$\langle u, v \rangle_S = u^\top S v, \qquad S = \big( \mathbb{E}\, k k^\top \big)^{-1},$$

with $k$ the activations, not centred. Cosines do not change when all activations are mapped by one invertible matrix.
Activations and directions are rows; rows of zeros are padding. Source: Hu, Cao, Chen, Liu and Zhao, arXiv:2509.20784
(hu2025), as public notes state it.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core.linalg import cholesky, eigvalsh, solve_triangular
from .directions import cosines

__all__ = ["coherence", "isometry_constants", "pair_angles", "second_moment", "stability", "whitening"]


def second_moment(
    activations: Float[Array, "rows dimension"], mask: Bool[Array, " rows"] | None = None
) -> Float[Array, "dimension dimension"]:
    r"""$\frac1N \sum_l k_l k_l^\top$ over the rows in `mask`, without centring."""
    if mask is not None:
        activations = jnp.where(mask[:, None], activations, 0)
    count = activations.shape[0] if mask is None else jnp.maximum(jnp.sum(mask), 1).astype(activations.dtype)
    with jax.default_matmul_precision("float32"):
        return activations.T @ activations / count


def whitening(moment: Float[Array, "dimension dimension"], ridge: float = 1e-6) -> Float[Array, "dimension dimension"]:
    r"""$W$ with $W W^\top = S$: the atomic inner product of rows is the Euclidean one of rows times $W$.

    $W = L^{-\top}$ for the Cholesky factor of the second moment, to whose diagonal `ridge` times its mean is added. Any
    other root differs by a rotation, which no inner product sees. Coordinates that are zero in all activations are padding.
    """
    size, diagonal = moment.shape[0], jnp.diagonal(moment)
    present = diagonal > 0
    mean = jnp.sum(diagonal) / jnp.maximum(jnp.sum(present), 1).astype(moment.dtype)
    identity = jnp.eye(size, dtype=moment.dtype)
    factor = cholesky(moment + jnp.diag(jnp.where(present, ridge * mean, 1)))
    return solve_triangular(factor, identity, lower=True, transposed=True)


def pair_angles(dictionary: Float[Array, "rows dimension"]) -> Float[Array, "rows rows"]:
    """Angles between all pairs of rows, in degrees; those with padding are not numbers, as is the diagonal."""
    products, pairs = _pairs(dictionary)
    return jnp.where(pairs, jnp.degrees(jnp.arccos(jnp.clip(products, -1, 1))), jnp.nan)


def coherence(dictionary: Float[Array, "rows dimension"]) -> Float[Array, ""]:
    r"""$\mu = \max_{i \ne j} |\cos(d_i, d_j)|$ over rows that are not padding."""
    products, pairs = _pairs(dictionary)
    return jnp.max(jnp.where(pairs, jnp.abs(products), 0))


def stability(
    dictionary: Float[Array, "rows dimension"],
    sizes: Int[Array, " samples"],
    used: Bool[Array, " rows"] | None = None,
) -> Float[Array, ""]:
    r"""The largest share $q$ of pairs and samples for which codes are certified to be unique.

    $$q^\star = \sup \{ q : \mu_q < 1 / (2 K_q - 1) \},$$

    with $\mu_q$ the quantile of $|\cos|$ over pairs of (whitened) rows, and $K_q$ that of the `sizes` of codes over samples.
    With $F(k)$ the share of samples of size at most $k$ and $G(t)$ the share of pairs below $t$, both monotone,
    $q^\star = \max_k \min\{F(k), G(1/(2k - 1))\}$. Rows not `used` (dead neurons) are left out.
    """
    products, pairs = _pairs(dictionary)
    if used is not None:
        pairs = pairs & used[:, None] & used[None, :]
    dtype = products.dtype
    number = jnp.maximum(jnp.sum(pairs.astype(dtype)), 1)
    magnitudes = jnp.where(pairs, jnp.abs(products), 2)
    samples = sizes.shape[0]

    def better(k, best):
        bound = 1 / (2 * k.astype(dtype) - 1)
        share_pairs = jnp.sum((magnitudes < bound).astype(dtype)) / number
        share_samples = jnp.sum((sizes <= k).astype(dtype)) / samples
        return jnp.maximum(best, jnp.minimum(share_pairs, share_samples))

    # Sizes that no sample has cannot be the best ones.
    least, most = (jnp.maximum(extreme(sizes), 1).astype(jnp.int32) for extreme in (jnp.min, jnp.max))
    return jax.lax.fori_loop(least, most + 1, better, jnp.zeros((), dtype))


def _pairs(dictionary):
    products = cosines(dictionary, dictionary)
    # Padding has the value -2.
    return products, (products >= -1.5) & ~jnp.eye(dictionary.shape[0], dtype=bool)


def isometry_constants(
    directions: Float[Array, "features dimension"], sparsities: Sequence[int], key: Key[Array, ""], supports: int
) -> Float[Array, " sparsities"]:
    r"""Lower bounds of the restricted isometry constants $\delta_K$ of unit rows, for several $K$.

    $$\delta_K = \max_{|S| \le K} \big\| D_S D_S^\top - I \big\|_2$$

    is taken over `supports` random supports, which are nested in $K$, and over one that is made of the row with the largest
    coherence and the rows most coherent with it.
    """
    features, most = directions.shape[0], max(sparsities)
    random = jax.lax.top_k(jax.random.uniform(key, (supports, features)), most)[1]
    with jax.default_matmul_precision("float32"):
        products = jnp.abs(directions @ directions.T)
        row = jnp.argmax(jnp.max(products - 2 * jnp.eye(features, dtype=products.dtype), axis=1))
        worst = jax.lax.top_k(products[row], most)[1]
        chosen = directions[jnp.concatenate([random, worst[None]])]
        gram = jnp.einsum("skd,sld->skl", chosen, chosen)

    def largest(sparsity):
        inside = jnp.arange(most, dtype=jnp.int32) < sparsity
        # Ones on the diagonal of what is left out deviate by nothing.
        blocks = jnp.where(inside[:, None] & inside[None, :], gram, jnp.eye(most, dtype=gram.dtype))
        return jnp.max(jnp.abs(jax.vmap(eigvalsh)(blocks) - 1))

    return jax.vmap(largest)(jnp.asarray(sparsities, jnp.int32))
