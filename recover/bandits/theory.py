r"""What nets and designs cost and guarantee, and when the hard instance is one.

Convention: $d$ `dimension`, $s$ `sparsity`, features of norm at most one, coefficients of norm one, misspecification $\varepsilon$.
"""

import math

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["design_gap", "net_gap", "net_points", "net_queries", "sign_coherence"]


def design_gap(
    dimension: Real[ArrayLike, "..."], misspecification: Real[ArrayLike, "..."], tolerance: Real[ArrayLike, "..."] = 0.0
) -> Float[Array, "..."]:
    r"""The bound $2 \varepsilon (1 + \sqrt{(1 + \tau) d})$ on the gap of least squares on a nearly optimal design.

    With leverages $\phi^\top V^{-1} \phi \le (1 + \tau) d$ a prediction is wrong by
    $|\sum_a w_a \, \phi^\top V^{-1} \phi(a) \, \nu(a)| \le \varepsilon (\phi^\top V^{-1} \phi)^{1/2}$; two predictions and two
    errors of rewards enter. No ridge.

    **Arguments:** `dimension` $d \ge 1$, `misspecification` $\varepsilon \ge 0$ and `tolerance` $\tau \ge 0$ of the design; they broadcast.

    **Returns:** the bound in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these.

    Source: Lattimore, Szepesvari and Weisz (lattimore2020), the argument without noise.
    """
    require_interval("dimension", dimension, 1, float("inf"), closed="left")
    require_interval("misspecification", misspecification, 0, float("inf"), closed="left")
    require_interval("tolerance", tolerance, 0, float("inf"), closed="left")
    dimension, misspecification, tolerance = as_floats(dimension, misspecification, tolerance)
    return 2 * misspecification * (1 + jnp.sqrt((1 + tolerance) * dimension))


def net_points(resolution: Real[ArrayLike, "..."], sparsity: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The size of a net of the unit sphere of $\mathbb{R}^s$: $2$, $\lceil 2 \pi / \varepsilon \rceil$ and $\lceil 4 \pi / \varepsilon^2 \rceil$ for $s = 1, 2, 3$.

    **Arguments:** `resolution` $\varepsilon > 0$, the spacing of the net, and `sparsity` 1, 2 or 3; they broadcast.

    **Returns:** the number in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these.

    Source: ours. A net of the sphere has $\varepsilon^{-(s - 1)}$ points; radii, where the norm must be known, make it $\varepsilon^{-s}$.
    """
    require_interval("resolution", resolution, 0, float("inf"), closed="neither")
    require_interval("sparsity", sparsity, 1, 3, closed="both")
    resolution, sparsity = jnp.broadcast_arrays(*as_floats(resolution, sparsity))
    circle, sphere = 2 * math.pi / resolution, 4 * math.pi / resolution**2
    return jnp.ceil(jnp.where(sparsity < 1.5, 2, jnp.where(sparsity < 2.5, circle, sphere)))


def net_queries(
    dimension: Real[ArrayLike, "..."], sparsity: Real[ArrayLike, "..."], resolution: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The bound $\binom ds |N_\varepsilon|$ on the queries of `recover.solvers.SparseNet`, with $|N_\varepsilon|$ of `net_points`.

    **Arguments:** `dimension` $d \ge s$, `sparsity` and `resolution` as for `net_points`; they broadcast.

    **Returns:** the bound in the broadcast shape.

    **Raises:** `ValueError` as `net_points`, and for a concrete dimension below one.

    Source: ours; of the form $O(\varepsilon^{-s} d^s)$ of dong2023, abstract.
    """
    require_interval("dimension", dimension, 1, float("inf"), closed="left")
    points = net_points(resolution, sparsity)
    dimension, sparsity = as_floats(dimension, sparsity)
    pairs = dimension * (dimension - 1) / 2
    triples = pairs * (dimension - 2) / 3
    return points * jnp.where(sparsity < 1.5, dimension, jnp.where(sparsity < 2.5, pairs, triples))


def net_gap(radius: Real[ArrayLike, "..."], misspecification: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The bound $2 \rho + 2 \varepsilon$ on the gap of the best action that a net queries.

    With $\|\vartheta - \theta\| \le \rho$ and $a'$ the greedy action of $\vartheta$,
    $\langle \phi(a'), \theta \rangle \ge \langle \phi(a'), \vartheta \rangle - \rho \ge \langle \phi(a), \vartheta \rangle - \rho \ge \langle \phi(a), \theta \rangle - 2 \rho$ for all $a$, and each reward is within $\varepsilon$ of that.

    **Arguments:** covering `radius` $\rho \ge 0$ and `misspecification` $\varepsilon \ge 0$; they broadcast.

    **Returns:** the bound in the broadcast shape.

    **Raises:** `ValueError` for concrete negative numbers.

    Source: ours.
    """
    require_interval("radius", radius, 0, float("inf"), closed="left")
    require_interval("misspecification", misspecification, 0, float("inf"), closed="left")
    radius, misspecification = as_floats(radius, misspecification)
    return 2 * radius + 2 * misspecification


def sign_coherence(dimension: Real[ArrayLike, "..."], actions: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The largest $|\langle \phi(a), \phi(b) \rangle|$ among $N$ random vectors of $\{\pm 1 / \sqrt d\}^d$, about $\sqrt{4 \log N / d}$.

    The hard instance of `recover.models.HiddenNeedle` is linear up to this, whichever action is the needle.

    **Arguments:** `dimension` $d > 0$ and number of `actions` $N \ge 1$; they broadcast.

    **Returns:** the coherence in the broadcast shape.

    **Raises:** `ValueError` for concrete numbers outside these.

    Source: the union bound over $N^2 / 2$ pairs of variance $1 / d$; known.
    """
    require_interval("dimension", dimension, 0, float("inf"), closed="neither")
    require_interval("actions", actions, 1, float("inf"), closed="left")
    dimension, actions = as_floats(dimension, actions)
    return jnp.sqrt(4 * jnp.log(actions) / dimension)
