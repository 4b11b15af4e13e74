r"""Predictions for the sub-gradient method on robust matrix sensing: direction, growth, floors and boundaries.

Measurements are $y_i = \langle A_i, X_\star \rangle + s_i$ with independent standard normal entries of $A_i$; the loss is
the mean absolute residual.
"""

import jax
import jax.numpy as jnp
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.root import find_root
from ..core.theory_arguments import as_floats, require_interval

__all__ = [
    "escape_steps",
    "factored_degrees_of_freedom",
    "least_squares_matrix_error",
    "median_observation",
    "robust_sample_boundary",
    "sign_scale",
    "subgradient_growth",
]


def sign_scale(
    distance: Real[ArrayLike, "..."],
    corruption: Real[ArrayLike, "..."] = 0.0,
    outlier_scale: Real[ArrayLike, "..."] = 0.0,
    noise: Real[ArrayLike, "..."] = 0.0,
) -> Float[Array, "..."]:
    r"""The scale $\varphi$ of the expected sub-gradient: $\mathbb{E}\,\operatorname{sign}(\langle A, \Delta \rangle - s) A = \varphi\, \Delta / \|\Delta\|_F$.

    For perturbations $s$ that are $N(0, \sigma_g^2)$, and with probability $p$ have a further $N(0, \tau^2)$ added,

    $$\varphi = \sqrt{\tfrac{2}{\pi}} \left( (1 - p) \frac{\|\Delta\|_F}{\sqrt{\|\Delta\|_F^2 + \sigma_g^2}}
      + p \frac{\|\Delta\|_F}{\sqrt{\|\Delta\|_F^2 + \sigma_g^2 + \tau^2}} \right) .$$

    It depends on the law of $s$ through $\mathbb{E} \exp(-s^2 / 2 \|\Delta\|_F^2)$ only, so without noise it also holds for
    outliers $|N(0, \tau^2)|$; it is at least $\sqrt{2/\pi}\,(1 - p)$ for every law of outliers.

    **Arguments:**

    - `distance`: $\|\Delta\|_F > 0$.
    - `corruption`: $p$ in [0, 1].
    - `outlier_scale`, `noise`: $\tau$ and $\sigma_g$; all broadcast.

    **Raises:** `ValueError` for a share that is none.

    Source: the setting is that of J. Ma and S. Fattahi, "Global Convergence of Sub-gradient Method for Robust Matrix
    Recovery", Journal of Machine Learning Research 24 (2023) (ma2023); the formula is Stein's identity for a Gaussian pair.
    """
    require_interval("corruption", corruption, 0, 1, closed="both")
    distance, p, tau, sigma = jnp.broadcast_arrays(*as_floats(distance, corruption, outlier_scale, noise))
    clean = distance / jnp.sqrt(distance**2 + sigma**2)
    outlying = distance / jnp.sqrt(distance**2 + sigma**2 + tau**2)
    return jnp.sqrt(2 / jnp.pi) * ((1 - p) * clean + p * outlying)


def median_observation(
    norm: Real[ArrayLike, ""], corruption: Real[ArrayLike, ""] = 0.0, outlier_scale: Real[ArrayLike, ""] = 0.0
) -> Float[Array, ""]:
    r"""The median $q$ of $|y_i|$, which is that of the residuals near zero and so the first median step.

    With $\tau$ the scale of outliers, $q$ solves

    $$(1 - p)\, \operatorname{erf}\Big(\frac{q}{\sqrt2\, \|X_\star\|_F}\Big)
      + p\, \operatorname{erf}\Big(\frac{q}{\sqrt{2 (\|X_\star\|_F^2 + \tau^2)}}\Big) = \frac12 .$$

    **Arguments:**

    - `norm`: $\|X_\star\|_F > 0$.
    - `corruption`: $p$ in [0, 1].
    - `outlier_scale`: $\tau$.

    **Raises:** `ValueError` for a share that is none.
    """
    require_interval("corruption", corruption, 0, 1, closed="both")
    norm, p, tau = as_floats(norm, corruption, outlier_scale)
    outlying = jnp.sqrt(norm**2 + tau**2)

    def excess(level, args):
        norm, p, outlying = args
        clean, corrupted = jax.lax.erf(level / norm / 2**0.5), jax.lax.erf(level / outlying / 2**0.5)
        return (1 - p) * clean + p * corrupted - 0.5

    tolerance = 4 * float(jnp.finfo(norm.dtype).eps)
    # The median of a normal law is 0.67 of its scale, so that of the mixture is below the larger scale.
    bounds = {"lower": jnp.zeros_like(norm), "upper": outlying}
    solver = optx.Bisection(rtol=tolerance, atol=tolerance, flip=False)
    return find_root(excess, solver, outlying / 2, (norm, p, outlying), max_steps=100, options=bounds)


def subgradient_growth(
    step_sum: Real[ArrayLike, "..."],
    eigenvalue: Real[ArrayLike, "..."],
    norm: Real[ArrayLike, "..."],
    scale: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""Logarithm of the factor by which a singular value of $U$ grows away from zero: $2 \varphi \lambda \sum_t \eta_t / \|X_\star\|_F$.

    While $U U^\top$ is negligible a direction with eigenvalue $\lambda$ of $X_\star$ grows by $1 + 2 \eta_t \varphi \lambda /
    \|X_\star\|_F$ per step. An initial scale $\alpha$ is left before a schedule of steps dies out only if this exceeds
    $\log(1/\alpha)$ for the smallest nonzero eigenvalue.

    **Arguments:**

    - `step_sum`: $\sum_t \eta_t$, which is $\eta / (1 - \rho)$ for geometric steps.
    - `eigenvalue`, `norm`: $\lambda$ and $\|X_\star\|_F$.
    - `scale`: $\varphi$ at that distance, from `sign_scale`; all broadcast.
    """
    step_sum, eigenvalue, norm, scale = jnp.broadcast_arrays(*as_floats(step_sum, eigenvalue, norm, scale))
    return 2 * scale * eigenvalue * step_sum / norm


def escape_steps(
    initial_scale: Real[ArrayLike, "..."],
    step: Real[ArrayLike, "..."],
    eigenvalue: Real[ArrayLike, "..."],
    norm: Real[ArrayLike, "..."],
    scale: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""Steps of constant length $\eta$ until a direction has left the small start.

    $$\frac{\log(1/\alpha)}{\log(1 + 2 \eta \varphi \lambda / \|X_\star\|_F)} .$$

    **Arguments:**

    - `initial_scale`, `step`: $\alpha$ and $\eta$.
    - `eigenvalue`, `norm`, `scale`: $\lambda$, $\|X_\star\|_F$ and $\varphi$ as for `subgradient_growth`; all broadcast.
    """
    alpha, step, eigenvalue, norm, scale = jnp.broadcast_arrays(
        *as_floats(initial_scale, step, eigenvalue, norm, scale)
    )
    return -jnp.log(alpha) / jnp.log1p(2 * step * scale * eigenvalue / norm)


def least_squares_matrix_error(
    noise: Real[ArrayLike, "..."],
    dimension: Real[ArrayLike, "..."],
    rank: Real[ArrayLike, "..."],
    samples: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""Frobenius error $\sigma_g \sqrt{d r / m}$ of least squares over matrices of rank $r$ under Gaussian noise.

    The minimax order. Least absolute deviations lose the factor $\sqrt{\pi/2}$ of a median against a mean.

    **Arguments:**

    - `noise`: $\sigma_g$.
    - `dimension`, `rank`, `samples`: $d$, $r$ and $m$; all broadcast.
    """
    noise, dimension, rank, samples = jnp.broadcast_arrays(*as_floats(noise, dimension, rank, samples))
    return noise * jnp.sqrt(dimension * rank / samples)


def robust_sample_boundary(
    corruption: Real[ArrayLike, "..."],
    dimension: Real[ArrayLike, "..."],
    rank: Real[ArrayLike, "..."],
    constant: Real[ArrayLike, "..."] = 3.0,
) -> Float[Array, "..."]:
    r"""Samples $m = c\, d r / (1 - p)^2$ needed under a share $p$ of outliers: the shape of the theory.

    The sign-restricted isometry needs $m$ of order $d r^2 / (1 - p)^2$ up to logarithms (ma2023).

    **Arguments:**

    - `corruption`: $p$ in [0, 1).
    - `dimension`, `rank`: $d$ and $r$.
    - `constant`: $c$, which is not predicted; all broadcast.

    **Raises:** `ValueError` for a share outside [0, 1).
    """
    require_interval("corruption", corruption, 0, 1, closed="left")
    p, dimension, rank, constant = jnp.broadcast_arrays(*as_floats(corruption, dimension, rank, constant))
    return constant * dimension * rank / (1 - p) ** 2


def factored_degrees_of_freedom(dimension: Real[ArrayLike, "..."], rank: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""Free parameters $d r - r (r - 1)/2$ of a positive semidefinite $d \times d$ matrix of rank $r$; arguments broadcast."""
    dimension, rank = jnp.broadcast_arrays(*as_floats(dimension, rank))
    return dimension * rank - rank * (rank - 1) / 2
