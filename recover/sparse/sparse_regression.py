"""Sparse linear regression: a sparse vector seen through a random design."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import require_integer
from ..core.leaves import as_leaf, as_real_leaf, is_concrete
from ..core.metrics import relative_error, support_metrics
from ..core.model import AbstractModel
from ..core.sizes import Capacities, capacities_field, capacity, concrete_capacities, row_mask
from ..operators.ensembles import AbstractEnsemble, as_ensemble
from .problem import LinearProblem

__all__ = ["AMPLITUDES", "SparseRegression"]

AMPLITUDES = ("gaussian", "signs", "uniform", "nonnegative")


class SparseRegression(AbstractModel[object, LinearProblem, Array]):
    r"""$y = A x_0 + w$ with a vector $x_0 \in \mathbb{R}^n$ of exactly $k$ nonzero coefficients and $w \sim N(0, \sigma^2 I_m)$.

    The support is uniform among all sets of size $k$. Designs have columns of unit norm on average (entries of order
    $1/\sqrt{m}$), so the sampling ratio $\delta = m/n$ and the relative sparsity $\rho = k/m$ are the axes of the
    classical phase diagrams (Donoho and Tanner 2009). `samples`, `sparsity`, the noise and the ensemble's parameters are
    traced, and so is the choice among the laws of coefficients; `dimension` and the kind of ensemble are static.
    """

    dimension: int = eqx.field(static=True)
    samples: Int[Array, ""]
    sparsity: Int[Array, ""]
    noise: Float[Array, ""] | None
    snr: Float[Array, ""] | None
    ensemble: AbstractEnsemble
    law: Int[Array, ""]
    capacities: Capacities = capacities_field()

    def __init__(
        self,
        dimension: int,
        samples,
        sparsity,
        noise=None,
        snr=None,
        ensemble: str | AbstractEnsemble = "gaussian",
        amplitudes: str = "gaussian",
        correlation=None,
        condition_number=None,
    ):
        r"""**Arguments:**

        - `dimension`: number of coefficients $n$.
        - `samples`: number of observations $m \ge 1$.
        - `sparsity`: number of nonzero coefficients, $0 \le k \le n$.
        - `noise`: standard deviation $\sigma$ of the noise in each observation; zero by default.
        - `snr`: instead of `noise`, the signal-to-noise ratio $10 \log_{10}(\|A x_0\|^2 / (m \sigma^2))$ in decibels.
        - `ensemble`: `"gaussian"`, `"rademacher"`, `"partial_dct"`, `"partial_hadamard"`, `"circulant"`,
          `"correlated"`, `"conditioned"`, or an `AbstractEnsemble`.
        - `amplitudes`: law of the nonzero coefficients: `"gaussian"` N(0, 1), `"signs"` ±1, `"uniform"` on [-1, 1],
          `"nonnegative"` |N(0, 1)|.
        - `correlation`, `condition_number`: parameters of the correlated and conditioned ensembles.

        **Raises:** `ValueError` for an impossible size or an unknown name.
        """
        require_integer("SparseRegression", "dimension", dimension, 1)
        require_integer("SparseRegression", "samples", samples, 1)
        require_integer("SparseRegression", "sparsity", sparsity, 0, dimension, "the dimension")
        if noise is not None and snr is not None:
            raise ValueError("SparseRegression: give `noise` (a standard deviation) or `snr` (decibels), not both.")
        if is_concrete(noise) and not np.all(np.asarray(noise) >= 0):
            raise ValueError(f"SparseRegression: `noise` is {noise}; a standard deviation of at least 0 is allowed.")
        if is_concrete(snr) and np.any(np.isnan(np.asarray(snr))):
            raise ValueError(f"SparseRegression: `snr` is {snr}; a number of decibels is allowed.")
        if amplitudes not in AMPLITUDES:
            raise ValueError(f"SparseRegression: `amplitudes` is {amplitudes!r}; allowed: {', '.join(AMPLITUDES)}.")
        self.dimension = int(dimension)
        self.samples = as_leaf(samples)
        self.sparsity = as_leaf(sparsity)
        self.snr = as_real_leaf(snr)
        self.noise = None if snr is not None else as_real_leaf(0.0 if noise is None else noise)
        self.ensemble = as_ensemble(ensemble, correlation=correlation, condition_number=condition_number)
        self.ensemble.check(self.dimension, samples)
        # A traced choice: all laws share one program, since drawing each costs nothing next to a design.
        self.law = as_leaf(AMPLITUDES.index(amplitudes))
        self.capacities = concrete_capacities(samples=samples)

    def design(self, key: Key[Array, ""]):
        """The ensemble's shareable draw: for a matrix ensemble, of shape (capacity of `samples`, dimension)."""
        return self.ensemble.draw(key, self.dimension, capacity(self, "samples"))

    def observe(self, key: Key[Array, ""], design) -> tuple[LinearProblem, Float[Array, " dimension"]]:
        """A sparse vector and its noisy observations; the truth is the vector."""
        rows = capacity(self, "samples")
        samples, sparsity = jnp.asarray(self.samples), jnp.asarray(self.sparsity)
        key_support, key_amplitudes, key_noise = jax.random.split(key, 3)
        operator = self.ensemble.operator(design, self.dimension, rows, samples)
        support = draws.random_support(key_support, self.dimension, sparsity)
        truth = jnp.where(support, self._coefficients(key_amplitudes), 0)
        with jax.default_matmul_precision("float32"):
            signal = operator.mv(truth)
        if self.snr is None:
            noise = jnp.asarray(self.noise, signal.dtype)
        else:
            power = jnp.sum(signal**2) / samples.astype(signal.dtype)
            noise = jnp.sqrt(power * 10.0 ** (-jnp.asarray(self.snr, signal.dtype) / 10))
        perturbation = jnp.where(row_mask(samples, rows), draws.normal(key_noise, (rows,)), 0)
        problem = LinearProblem(
            operator, signal + noise * perturbation, samples=samples, sparsity=sparsity, noise=noise, column_norm=1.0
        )
        return problem, truth

    @property
    def amplitudes(self) -> str:
        """Name of the law of the nonzero coefficients."""
        return AMPLITUDES[int(self.law)]

    def _coefficients(self, key) -> Float[Array, " dimension"]:
        shape = (self.dimension,)
        gaussian = draws.normal(key, shape)
        laws = [gaussian, draws.signs(key, shape), 2 * draws.uniform(key, shape) - 1, jnp.abs(gaussian)]
        return jax.lax.select_n(jnp.broadcast_to(jnp.asarray(self.law), shape), *laws)

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""Relative Euclidean error $\|\hat x - x_0\| / \|x_0\|$; $\|\hat x\|$ when $x_0 = 0$. There is no ambiguity."""
        return relative_error(truth, estimate)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        """Mean squared error per coefficient, and how well the support and its signs are found."""
        return {"mse": jnp.mean((estimate - truth) ** 2), **support_metrics(truth, estimate)}
