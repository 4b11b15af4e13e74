"""Teachers with one hidden layer of quadratic units, as wide as their inputs are long."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Real, Size, count, leaf, size
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.numbers import squared_norm
from ..core.sizes import capacity, row_mask
from .quadratic_problem import QuadraticNetworkProblem

__all__ = ["QuadraticNetwork"]


class QuadraticNetwork(AbstractModel[Array, QuadraticNetworkProblem, Array]):
    r"""$y_i = \frac1m \sum_k (w_k^\top x_i / \sqrt d + \sqrt\Delta z_{ik})^2$ with Gaussian weights, inputs and noise.

    All of $w_k, x_i \sim N(0, I_d)$ and $z_{ik} \sim N(0, 1)$ are independent; the noise enters *before* the activation. The
    truth is the matrix $S_\star = \frac1m W^\top W$ of rank $\min(m, d)$: weights are identifiable only up to a rotation of the
    hidden units. The natural axes are $\kappa = m / d$ and $\alpha = n / d^2$. `width` $m$, `samples` $n$ and the noise are
    traced; `dimension` $d$ is static.

    **Arguments:**

    - `dimension`: length $d$ of the inputs.
    - `width`: number $m \ge 1$ of hidden units; may exceed $d$.
    - `samples`: number $n \ge 1$ of inputs and outputs.
    - `noise`: $\sqrt\Delta \ge 0$, standard deviation of the noise of every hidden unit.

    **Raises:** `ValueError` for an impossible number.

    Source: Maillard, Troiani, Martin, Krzakala and Zdeborová, arXiv:2408.03733 (maillard2024).
    """

    dimension: int = count(1)
    width: Size = size(1)
    samples: Size = size(1)
    noise: Real = leaf(0.0, "standard deviation")

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """The inputs, of shape (capacity of `samples`, dimension)."""
        return draws.normal(key, (capacity(self, "samples"), self.dimension))

    def observe(
        self, key: Key[Array, ""], design: Float[Array, "rows dimension"]
    ) -> tuple[QuadraticNetworkProblem, Float[Array, "dimension dimension"]]:
        """A teacher and its outputs; the truth is the matrix."""
        rows, units = capacity(self, "samples"), capacity(self, "width")
        key_weights, key_noise = draws.split(key)
        present = row_mask(self.width, units)
        weights = jnp.where(present[:, None], draws.normal(key_weights, (units, self.dimension)), 0)
        # Units are the trailing axis: padding either rows or units leaves the other draws as they are.
        noise = self.noise * draws.normal_tensor(key_noise, (rows, units)) * present.astype(weights.dtype)[None, :]
        width = self.width.astype(weights.dtype)
        hidden = (design @ weights.T) / self.dimension**0.5 + noise
        outputs = jnp.where(row_mask(self.samples, rows), squared_norm(hidden, axis=1) / width, 0)
        numbers = {"width": self.width, "noise": self.noise, "samples": self.samples}
        problem = QuadraticNetworkProblem(design, outputs, **numbers, capacities=(("width", units),))
        return problem, weights.T @ weights / width

    def error(
        self, truth: Float[Array, "dimension dimension"], estimate: Float[Array, "dimension dimension"]
    ) -> Float[Array, ""]:
        r"""$\kappa \|\hat S - S_\star\|_F^2 / d$, the test error in units of that of the prior mean $\hat S = I$ as $d \to \infty$.

        Up to a vanishing term of the trace it is $\frac m2 \mathbb{E}_x (\hat y(x) - y(x))^2$ without noise. A draw from the
        posterior has twice the error of its mean.
        """
        ratio = jnp.asarray(self.width, truth.dtype) / self.dimension
        return ratio * squared_norm(estimate - truth) / self.dimension

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        r"""`relative`: $\|\hat S - S_\star\|_F / \|S_\star\|_F$."""
        return {"relative": relative_error(truth, estimate)}
