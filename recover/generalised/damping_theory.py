"""The damping of accelerated gradient methods: what minimises their complexity bound, and what it lies below."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["damping_bound", "proposed_damping"]


def proposed_damping(initial: Real[ArrayLike, ""], steps: int) -> Float[Array, " steps"]:
    r"""The damping of `recover.solvers.NonconvexAcceleratedGradient`, $\alpha_0, \dots, \alpha_{\text{steps} - 1}$.

    $$\alpha_{k+1} = \frac{2}{1 + \sqrt{1 + 4 / \alpha_k^2}} .$$

    $1 / \alpha_k$ is the sequence of FISTA, so $\alpha_k \le 2 / (k + 2)$ from $\alpha_0 = 1$.

    **Arguments:** `initial` $\alpha_0$ in (0, 1], `steps` a static number.

    **Raises:** `ValueError` for a concrete start outside of (0, 1].

    Source: Yang, Asgharian and Bhatnagar (yang2024).
    """
    require_interval("initial", initial, 0, 1)
    (first,) = as_floats(initial)

    def following(damping, _):
        return 2 / (1 + jnp.sqrt(1 + 4 / damping**2)), damping

    return jax.lax.scan(following, first, None, length=steps)[1]


def damping_bound(step: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""What the damping is bounded by at step $k \ge 8$, of order $\log(k) / k$.

    $$a_k k^{-b_k}, \qquad b_k = \frac{2 + 5 l + \sqrt{9 l^2 + 4}}{2 l}, \quad l = \log\frac2k, \qquad
      a_k = \frac{2^{b_k}}{(1 - b_k)(4 - b_k)} .$$

    **Arguments:** `step` $k$, a number or an array.

    **Raises:** `ValueError` on concrete steps below 8.

    Source: Yang, Asgharian and Bhatnagar (yang2024), as in the code of their figure.
    """
    require_interval("step", step, 8, float("inf"), closed="left")
    (step,) = as_floats(step)
    log = jnp.log(2 / step)
    power = (2 + 5 * log + jnp.sqrt(9 * log**2 + 4)) / (2 * log)
    return 2**power / ((1 - power) * (4 - power)) * step**-power
