"""Teachers with one hidden layer of quadratic units, as wide as their inputs are long."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import require_integer, require_number
from ..core.leaves import as_leaf
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.sizes import Capacities, capacities_field, capacity, concrete_capacities, row_mask
from .quadratic_problem import QuadraticNetworkProblem

__all__ = ["QuadraticNetwork"]


class QuadraticNetwork(AbstractModel[Array, QuadraticNetworkProblem, Array]):
    r"""$y_i = \frac1m \sum_k (w_k^\top x_i / \sqrt d + \sqrt\Delta z_{ik})^2$ with Gaussian weights, inputs and noise.

    All of $w_k, x_i \sim N(0, I_d)$ and $z_{ik} \sim N(0, 1)$ are independent; the noise enters *before* the activation. The
    truth is the matrix $S_\star = \frac1m W^\top W$ of rank $\min(m, d)$: weights are identifiable only up to a rotation of the
    hidden units. The natural axes are $\kappa = m / d$ and $\alpha = n / d^2$. `width` $m$, `samples` $n$ and the noise are
    traced; `dimension` $d$ is static.

    Source: Maillard, Troiani, Martin, Krzakala and Zdeborová, "Bayes-optimal learning of an extensive-width neural network
    from quadratically many samples", NeurIPS 2024, arXiv:2408.03733.
    """

    dimension: int = eqx.field(static=True)
    width: Int[Array, ""]
    samples: Int[Array, ""]
    noise: Float[Array, ""]
    capacities: Capacities = capacities_field()

    def __init__(self, dimension: int, width, samples, noise=0.0):
        r"""**Arguments:**

        - `dimension`: length $d$ of the inputs.
        - `width`: number $m \ge 1$ of hidden units; may exceed $d$.
        - `samples`: number $n \ge 1$ of inputs and outputs.
        - `noise`: $\sqrt\Delta \ge 0$, standard deviation of the noise of every hidden unit.

        **Raises:** `ValueError` for an impossible number.
        """
        require_integer("QuadraticNetwork", "dimension", dimension, 1)
        require_integer("QuadraticNetwork", "width", width, 1)
        require_integer("QuadraticNetwork", "samples", samples, 1)
        require_number("QuadraticNetwork", "noise", noise, "a standard deviation of at least 0", lambda v: v >= 0)
        self.dimension = int(dimension)
        self.width = as_leaf(width)
        self.samples = as_leaf(samples)
        self.noise = as_leaf(float(noise) if isinstance(noise, (int, np.integer)) else noise)
        self.capacities = concrete_capacities(width=width, samples=samples)

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """The inputs, of shape (capacity of `samples`, dimension)."""
        return draws.normal(key, (capacity(self, "samples"), self.dimension))

    def observe(
        self, key: Key[Array, ""], design: Float[Array, "rows dimension"]
    ) -> tuple[QuadraticNetworkProblem, Float[Array, "dimension dimension"]]:
        """A teacher and its outputs; the truth is the matrix."""
        rows, units = capacity(self, "samples"), capacity(self, "width")
        key_weights, key_noise = jax.random.split(key)
        width = jnp.asarray(self.width)
        weights = jnp.where(row_mask(width, units)[:, None], draws.normal(key_weights, (units, self.dimension)), 0)
        dtype = weights.dtype
        level, count = jnp.asarray(self.noise, dtype), width.astype(dtype)
        # Units are the trailing axis: padding either rows or units leaves the other draws as they are.
        noise = level * draws.normal_tensor(key_noise, (rows, units)) * row_mask(width, units).astype(dtype)[None, :]
        with jax.default_matmul_precision("float32"):
            hidden = (design @ weights.T) / self.dimension**0.5 + noise
            truth = weights.T @ weights / count
        outputs = jnp.sum(hidden**2, axis=1) / count
        outputs = jnp.where(row_mask(jnp.asarray(self.samples), rows), outputs, 0)
        problem = QuadraticNetworkProblem(
            design,
            outputs,
            width=width,
            noise=level,
            samples=jnp.asarray(self.samples),
            capacities=(("width", units),),
        )
        return problem, truth

    def error(
        self, truth: Float[Array, "dimension dimension"], estimate: Float[Array, "dimension dimension"]
    ) -> Float[Array, ""]:
        r"""$\kappa \|\hat S - S_\star\|_F^2 / d$, the test error in units of that of the prior mean $\hat S = I$ as $d \to \infty$.

        Up to a vanishing term of the trace it is $\frac m2 \mathbb{E}_x (\hat y(x) - y(x))^2$ without noise. A draw from the
        posterior has twice the error of its mean.
        """
        ratio = jnp.asarray(self.width).astype(truth.dtype) / self.dimension
        return ratio * jnp.sum((estimate - truth) ** 2) / self.dimension

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        r"""`relative`: $\|\hat S - S_\star\|_F / \|S_\star\|_F$."""
        return {"relative": relative_error(truth, estimate)}
