r"""Predictions for matrix completion: degrees of freedom, patterns that cover, the nuclear norm, and noise."""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.numbers import root
from ..core.root import find_root
from ..core.theory_arguments import as_floats, require_interval

__all__ = [
    "completion_degrees_of_freedom",
    "completion_error",
    "coverage_probability",
    "coverage_samples",
    "nuclear_norm_dimension",
]

# Nodes of the quadrature over singular values.
_NODES = 48


def completion_degrees_of_freedom(
    rows: Real[ArrayLike, "..."], columns: Real[ArrayLike, "..."], rank: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""Free parameters $r (n_1 + n_2 - r)$ of an $n_1 \times n_2$ matrix of rank $r$; arguments broadcast."""
    rows, columns, rank = jnp.broadcast_arrays(*as_floats(rows, columns, rank))
    return rank * (rows + columns - rank)


def completion_error(
    noise: Real[ArrayLike, "..."],
    rows: Real[ArrayLike, "..."],
    columns: Real[ArrayLike, "..."],
    rank: Real[ArrayLike, "..."],
    samples: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""Relative error $\sigma \sqrt{d / (m - d)}$, $d = r (n_1 + n_2 - r)$, of least squares over matrices of rank $r$.

    With `noise` $\sigma$ in units of the root mean square of the entries. To first order the error is $\sigma \sqrt{d / m}$, that of an
    oracle that knows the tangent space and sees all of it (Candès and Plan, candes2010); that $d$ of $m$ observations are spent on
    the fit makes it larger. Infinite for $m \le d$; all arguments broadcast.
    """
    noise, samples, dimension = jnp.broadcast_arrays(
        *as_floats(noise, samples, completion_degrees_of_freedom(rows, columns, rank))
    )
    spare = samples - dimension
    return jnp.where(spare > 0, noise * jnp.sqrt(dimension / jnp.where(spare > 0, spare, 1)), jnp.inf)


def coverage_probability(
    rows: Real[ArrayLike, ""], columns: Real[ArrayLike, ""], samples: Real[ArrayLike, ""], least: Real[ArrayLike, ""]
) -> Float[Array, ""]:
    r"""Probability that every row and column has at least $k$ of $m$ uniformly random known entries.

    $$\exp(-n_1 F(k - 1; n_2, p) - n_2 F(k - 1; n_1, p)), \qquad p = m / (n_1 n_2),$$

    with $F$ the binomial distribution function: the number of those that lack some is nearly Poisson (coupon collector). $k = r$ is
    necessary for a matrix of rank $r$.

    **Arguments:** `rows`, `columns`: $n_1$ and $n_2$; `samples`: $m$; `least`: $k \ge 1$.
    """
    rows, columns, samples, least = as_floats(rows, columns, samples, least)
    return jnp.exp(-_lacking(samples / (rows * columns), rows, columns, least))


def coverage_samples(
    rows: Real[ArrayLike, ""],
    columns: Real[ArrayLike, ""],
    least: Real[ArrayLike, ""],
    probability: Real[ArrayLike, ""] = 0.5,
) -> Float[Array, ""]:
    r"""The number $m$ of known entries at which `coverage_probability` is `probability`.

    **Arguments:** `rows`, `columns`: $n_1$ and $n_2$; `least`: $k$; `probability`: in (0, 1).

    **Raises:** `ValueError` for a probability outside of (0, 1).
    """
    require_interval("probability", probability, 0, 1, closed="neither")
    rows, columns, least, probability = as_floats(rows, columns, least, probability)

    def excess(share, args):
        rows, columns, least, probability = args
        return -jnp.log(probability) - _lacking(share, rows, columns, least)

    tolerance = 4 * float(jnp.finfo(rows.dtype).eps)
    solver = optx.Bisection(rtol=tolerance, atol=tolerance, flip=False)
    bounds = {"lower": jnp.zeros_like(rows), "upper": jnp.ones_like(rows)}
    args = (rows, columns, least, probability)
    return rows * columns * find_root(excess, solver, jnp.full_like(rows, 0.5), args, max_steps=100, options=bounds)


def _lacking(share, rows, columns, least):
    """The mean number of rows and columns with fewer than so many known entries."""
    # P(Binomial(n, p) <= k - 1) is a regularised incomplete beta function.
    row = jax.scipy.special.betainc(columns - least + 1, least, 1 - share)
    column = jax.scipy.special.betainc(rows - least + 1, least, 1 - share)
    return rows * row + columns * column


def nuclear_norm_dimension(rank_share: Real[ArrayLike, ""], aspect: Real[ArrayLike, ""] = 1.0) -> Float[Array, ""]:
    r"""Gaussian measurements, as a share of all entries, from which the nuclear norm finds a matrix of low rank.

    For $n_1 \times n_2$ matrices with $n_1 = \nu n_2$, $\nu \le 1$, and rank $w n_1$, the statistical dimension of the descent cone is
    $n_1 n_2$ times

    $$\min_{t \ge 0}\; w \nu + (1 - w \nu) \Big[ w (1 + t^2) + (1 - w) \int_{\max(a, t)}^{b} (u - t)^2\,
      \frac{\sqrt{(u^2 - a^2)(b^2 - u^2)}}{\pi y u}\, du \Big], \qquad y = \frac{\nu - w \nu}{1 - w \nu}, \quad a, b = 1 \mp \sqrt y$$

    in the limit of large dimensions. Known entries are no such measurements: a reference from below, no theorem for them.

    **Arguments:** `rank_share`: $w$ in (0, 1); `aspect`: $\nu$ in (0, 1].

    **Raises:** `ValueError` for a share that is none.

    Source: Amelunxen, Lotz, McCoy and Tropp (amelunxen2014), Proposition 4.7.
    """
    require_interval("rank_share", rank_share, 0, 1, closed="neither")
    require_interval("aspect", aspect, 0, 1)
    w, aspect = as_floats(rank_share, aspect)
    y = (aspect - w * aspect) / (1 - w * aspect)
    ends = 1 - jnp.sqrt(y), 1 + jnp.sqrt(y)

    # The derivative of the bracket vanishes where w t is (1 - w) times the mean of (u - t)_+.
    def slope(t, args):
        w, y, ends = args
        return w * t - (1 - w) * _tail_moment(t, 1, y, ends)

    tolerance = 4 * float(jnp.finfo(w.dtype).eps)
    solver = optx.Bisection(rtol=tolerance, atol=tolerance, flip=False)
    bounds = {"lower": jnp.zeros_like(w), "upper": ends[1]}
    t = find_root(slope, solver, ends[1] / 2, (w, y, ends), max_steps=100, options=bounds)
    share = w * aspect
    return share + (1 - share) * (w * (1 + t**2) + (1 - w) * _tail_moment(t, 2, y, ends))


def _tail_moment(t, power: int, y, ends):
    """The mean of a power of (u - t)_+ over the law of singular values of a Gaussian matrix."""
    nodes, weights = (jnp.asarray(each, t.dtype) for each in np.polynomial.legendre.leggauss(_NODES))
    low, high = jnp.maximum(ends[0], t), ends[1]
    # The squared sine takes away the roots at both ends.
    angle = jnp.pi / 4 * (nodes + 1)
    u = low + (high - low) * jnp.sin(angle) ** 2
    jacobian = (high - low) * jnp.sin(2 * angle) * jnp.pi / 4
    inside = jnp.maximum((u**2 - ends[0] ** 2) * (high**2 - u**2), 0)
    density = root(inside) / (jnp.pi * y * u)
    return jnp.sum(weights * jacobian * (u - t) ** power * density)
