r"""Prediction errors of sparse regression in closed form, with fixed designs of any condition number.

Convention: $N$ `samples`, $d$ `dimension`, columns of norm $\sqrt N$, errors are $\frac1N \|\hat f - f\|^2$.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["farther_probability", "lasso_slow_rate", "preconditioned_lasso_error"]


def farther_probability(columns: Real[ArrayLike, "..."], sparsity: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""How often one column of a random support is farther from $m$ random columns than from the rest of its support.

    At most $1 / (L + 1)$ with $L = \lfloor m / (k - 1) \rfloor$: the $m$ columns hold $L$ disjoint blocks of $k - 1$, and
    the rest of the support is one block more, exchangeable with them; it is the nearest of all with probability
    $1 / (L + 1)$, and the span of all blocks is nearer than each. That any of the $k$ columns is farther has at most $k$
    times that probability.

    **Arguments:** `columns` $m \ge 0$ and `sparsity` $k \ge 1$, numbers or arrays that broadcast.

    **Returns:** the bound in the broadcast shape; zero for a support of one column.

    **Raises:** `ValueError` for concrete numbers below these.

    Source: ours, `docs/slr_random_supports.md`, after the phrase "good preconditioner" of chandrasekaran2025.
    """
    require_interval("columns", columns, 0, float("inf"), closed="left")
    require_interval("sparsity", sparsity, 1, float("inf"), closed="left")
    columns, sparsity = jnp.broadcast_arrays(*as_floats(columns, sparsity))
    # Without a rest of the support nothing is nearer than the origin.
    alone = sparsity < 2
    blocks = jnp.floor(columns / jnp.where(alone, 1, sparsity - 1))
    return jnp.where(alone, 0, 1 / (blocks + 1))


def lasso_slow_rate(
    samples: Real[ArrayLike, "..."],
    dimension: Real[ArrayLike, "..."],
    norm: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""The bound $4 \sigma \|w\|_1 \sqrt{2 \log(2 d) / N}$ on the LASSO's prediction error, for any design.

    At the strength $\sigma \sqrt{2 \log(2 d) / N}$ of the penalty in $\frac1{2N} \|y - X w\|^2 + \lambda \|w\|_1$, and as long as no
    column's correlation with the noise exceeds it, which is so on average.

    **Arguments:** `samples` $N > 0$, `dimension` $d > 0$, `norm` $\|w\|_1$, `noise` $\sigma$; they broadcast.

    **Returns:** the bound in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers of samples or dimensions that are not positive.

    Source: Bühlmann and van de Geer (buhlmann2011, section 6.2), with the constant of the inequality
    $\frac1N \|X \hat w - X w\|^2 \le 4 \lambda \|w\|_1$.
    """
    require_interval("samples", samples, 0, float("inf"), closed="neither")
    require_interval("dimension", dimension, 0, float("inf"), closed="neither")
    samples, dimension, norm, noise = jnp.broadcast_arrays(*as_floats(samples, dimension, norm, noise))
    return 4 * noise * norm * jnp.sqrt(2 * jnp.log(2 * dimension) / samples)


def preconditioned_lasso_error(
    samples: Real[ArrayLike, "..."],
    dimension: Real[ArrayLike, "..."],
    sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    columns: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""The bound $\sigma^2 m / N + 4 \sigma k \sqrt{2 \log(2 d) / N}$ for predictions of mean square one.

    That of `lasso_slow_rate` with the l1 norm that the truth has in the dictionary of `recover.solvers.PreconditionedLasso` where no
    column of the support is farther from the random columns than from the others (`farther_probability`), and the variance
    of what is fitted without a penalty. No condition number enters.

    **Arguments:** `samples` $N$, `dimension` $d$, `sparsity` $k$, `noise` $\sigma$, `columns` $m$; they broadcast.

    **Returns:** the bound in the broadcast shape.

    **Raises:** `ValueError` as `lasso_slow_rate`.

    Source: ours, `docs/slr_random_supports.md`.
    """
    bound = lasso_slow_rate(samples, dimension, sparsity, noise)
    samples, noise, columns = as_floats(samples, noise, columns)
    return bound + noise**2 * columns / samples
