r"""When communities at a given depth of a hierarchical stochastic block model can be recovered exactly.

Densities are $p_l = a_l \log N / N$ for a lowest common ancestor at depth $l = 0, \dots, L$; the tree is balanced with $k$ children
per community. Exact recovery at depth $q$ is possible if the information (a Chernoff-Hellinger divergence in units of
$\log N / N$) is above one and impossible if it is below.

Sources: E. Abbe and C. Sandon, "Community Detection in General Stochastic Block Models", FOCS 2015 (abbe2015), for the
divergence; M. Dreveton, D. Kuroda, M. Grossglauser and P. Thiran, arXiv:2306.00833 (dreveton2023, section 4), for trees. The
closed forms below are derived from these.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["bottom_up_information", "chernoff_hellinger", "logarithmic_densities", "top_down_information"]


def logarithmic_densities(rates: Real[ArrayLike, "..."], nodes: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The densities $p = a \log N / N$ of the rates $a$ on $N$ nodes."""
    require_interval("rates", rates, 0, np.inf, closed="left")
    require_interval("nodes", nodes, 1, np.inf, closed="neither")
    rates, nodes = as_floats(rates, nodes)
    return rates * jnp.log(nodes) / nodes


def chernoff_hellinger(
    first: Real[ArrayLike, " communities"],
    second: Real[ArrayLike, " communities"],
    weights: Real[ArrayLike, " communities"],
) -> Float[Array, ""]:
    r"""$\sup_{0 < t < 1} \sum_c \pi_c \big[ t a_c + (1 - t) b_c - a_c^t b_c^{1 - t} \big]$, how well two communities can be told apart.

    **Arguments:**

    - `first`, `second`: the rates $a_c, b_c > 0$ of edges from either towards community $c$.
    - `weights`: the shares of nodes $\pi_c$.

    **Raises:** `ValueError` for a number that is not positive.

    Source: (abbe2015).
    """
    for name, value in (("first", first), ("second", second), ("weights", weights)):
        require_interval(name, value, 0, np.inf, closed="neither")
    a, b, weights = as_floats(first, second, weights)
    logarithm = jnp.log(a / b)

    def negative_slope(t, _):
        return jnp.sum(weights * (a**t * b ** (1 - t) * logarithm - a + b))

    resolution = 4 * float(jnp.finfo(a.dtype).eps)
    # The sum is concave in t, so its negative slope rises through zero once (or vanishes, for equal rates).
    t = optx.root_find(
        negative_slope,
        optx.Bisection(rtol=resolution, atol=resolution, flip=False),
        jnp.asarray(0.5, a.dtype),
        options={"lower": jnp.zeros((), a.dtype), "upper": jnp.ones((), a.dtype)},
        max_steps=60,
        throw=False,
    ).value
    t = jnp.where(jnp.isfinite(t), t, 0.5)
    return jnp.sum(weights * (t * a + (1 - t) * b - a**t * b ** (1 - t)))


def bottom_up_information(
    rates: Real[ArrayLike, "... levels"], branching: int = 2, nodes: Real[ArrayLike, ""] | None = None
) -> Float[Array, "... depths"]:
    r"""$I_1, \dots, I_L$: above one, the communities of that depth can be recovered exactly (and bottom-up does).

    $$I_q = k^{-L} (\sqrt{a_L} - \sqrt{a_{q-1}})^2 + \sum_{j=q}^{L-1} (k^{-j} - k^{-j-1}) (\sqrt{a_j} - \sqrt{a_{q-1}})^2 .$$

    The pairs hardest to tell apart have their common ancestor at depth $q - 1$.

    **Arguments:**

    - `rates`: $a_0 < \dots < a_L$ along the last axis.
    - `branching`: children per community $k$.
    - `nodes`: with $N$ given, $(\sqrt a - \sqrt b)^2$ is replaced by its value at the densities of that many nodes,
      $-\frac{2N}{\log N} \log(\sqrt{p p'} + \sqrt{(1 - p)(1 - p')})$, which is larger.

    **Raises:** `ValueError` for negative rates or fewer than two depths.
    """
    rates, nodes, levels = _arguments(rates, nodes)
    found = []
    for depth in range(1, levels):
        terms = [branching ** -(levels - 1) * _squared_distance(rates[..., -1], rates[..., depth - 1], nodes)]
        for level in range(depth, levels - 1):
            share = branching**-level - branching ** -(level + 1)
            terms.append(share * _squared_distance(rates[..., level], rates[..., depth - 1], nodes))
        found.append(sum(terms))
    return jnp.stack(found, axis=-1)


def top_down_information(
    rates: Real[ArrayLike, "... levels"], branching: int = 2, nodes: Real[ArrayLike, ""] | None = None
) -> Float[Array, "... depths"]:
    r"""$J_1, \dots, J_L$: above one, splitting by the mean density inside the parts recovers the communities of that depth.

    $$\bar a_q = k^{q-L} a_L + \sum_{j=q}^{L-1} k^q (k^{-j} - k^{-j-1}) a_j, \qquad J_q = k^{-q} (\sqrt{\bar a_q} - \sqrt{a_{q-1}})^2 \le I_q,$$

    by Jensen's inequality, with equality for $q = L$. Between $J_q < 1 < I_q$ only bottom-up is guaranteed to succeed.

    **Arguments:** as in `bottom_up_information`.

    **Raises:** `ValueError` for negative rates or fewer than two depths.
    """
    rates, nodes, levels = _arguments(rates, nodes)
    found = []
    for depth in range(1, levels):
        inner = branching ** float(depth - levels + 1) * rates[..., -1]
        for level in range(depth, levels - 1):
            inner = (
                inner + (branching ** float(depth - level) - branching ** float(depth - level - 1)) * rates[..., level]
            )
        found.append(branching**-depth * _squared_distance(inner, rates[..., depth - 1], nodes))
    return jnp.stack(found, axis=-1)


def _arguments(rates, nodes):
    require_interval("rates", rates, 0, np.inf, closed="left")
    require_interval("nodes", nodes, 1, np.inf, closed="neither")
    if np.ndim(rates) < 1 or np.shape(rates)[-1] < 2:
        raise ValueError(f"rates must hold at least two depths along its last axis; got shape {np.shape(rates)}.")
    (rates,) = as_floats(rates)
    return rates, None if nodes is None else jnp.asarray(nodes, rates.dtype), rates.shape[-1]


def _squared_distance(first: jax.Array, second: jax.Array, nodes: jax.Array | None) -> jax.Array:
    if nodes is None:
        return (jnp.sqrt(first) - jnp.sqrt(second)) ** 2
    unit = jnp.log(nodes) / nodes
    p, q = jnp.minimum(first * unit, 1), jnp.minimum(second * unit, 1)
    return -2 * jnp.log(jnp.sqrt(p * q) + jnp.sqrt((1 - p) * (1 - q))) / unit
