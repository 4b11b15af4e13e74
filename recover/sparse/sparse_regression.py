"""Sparse linear regression: a sparse vector seen through a random design."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import require_name
from ..core.fields import Real, Size, Whole, count, integer, leaf, size
from ..core.metrics import relative_error, support_metrics
from ..core.model import AbstractModel
from ..core.numbers import squared_norm
from ..core.sizes import capacity, row_mask
from ..operators.ensembles import AbstractEnsemble, as_ensemble
from .problem import LinearProblem

__all__ = ["AMPLITUDES", "SparseRegression"]

AMPLITUDES = ("gaussian", "signs", "uniform", "nonnegative")


class SparseRegression(AbstractModel[object, LinearProblem, Array]):
    r"""$y = A x_0 + w$ with a vector $x_0 \in \mathbb{R}^n$ of exactly $k$ nonzero coefficients and $w \sim N(0, \sigma^2 I_m)$.

    The support is uniform among all sets of size $k$. Designs have columns of unit norm on average (entries of order
    $1/\sqrt{m}$), so the sampling ratio $\delta = m/n$ and the relative sparsity $\rho = k/m$ are the axes of the
    classical phase diagrams (donoho2009b). `samples`, `sparsity`, the noise and the ensemble's parameters are
    traced, and so is the choice among the laws of coefficients; `dimension` and the kind of ensemble are static.
    """

    dimension: int = count(1)
    samples: Size = size(1)
    sparsity: Int[Array, ""] = integer(0, most="dimension")
    noise: Real | None = leaf(rule="standard deviation")
    snr: Real | None = leaf(rule="decibels")
    ensemble: AbstractEnsemble
    # A traced choice: all laws share one program, since drawing each costs nothing next to a design.
    law: Whole = leaf()

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
        if noise is not None and snr is not None:
            raise ValueError("SparseRegression: give `noise` (a standard deviation) or `snr` (decibels), not both.")
        require_name("SparseRegression", "amplitudes", amplitudes, AMPLITUDES)
        self.dimension, self.samples, self.sparsity = dimension, samples, sparsity
        self.snr = snr
        self.noise = None if snr is not None else 0.0 if noise is None else noise
        self.ensemble = as_ensemble(ensemble, correlation=correlation, condition_number=condition_number)
        self.law = AMPLITUDES.index(amplitudes)

    def check_together(self):
        """The ensemble must exist at these sizes."""
        # Through the class: a bound method of a module is a module that takes long to make.
        type(self.ensemble).check(self.ensemble, self.dimension, self.samples)

    def design(self, key: Key[Array, ""]):
        """The ensemble's shareable draw: for a matrix ensemble, of shape (capacity of `samples`, dimension)."""
        return self.ensemble.draw(key, self.dimension, capacity(self, "samples"))

    def observe(self, key: Key[Array, ""], design) -> tuple[LinearProblem, Float[Array, " dimension"]]:
        """A sparse vector and its noisy observations; the truth is the vector."""
        rows = capacity(self, "samples")
        key_support, key_amplitudes, key_noise = draws.split(key, 3)
        operator = self.ensemble.operator(design, self.dimension, rows, self.samples)
        support = draws.random_support(key_support, self.dimension, self.sparsity)
        truth = jnp.where(support, self._coefficients(key_amplitudes), 0)
        signal = operator.mv(truth)
        noise = self._noise(signal)
        perturbation = jnp.where(row_mask(self.samples, rows), draws.normal(key_noise, (rows,)), 0)
        problem = LinearProblem(
            operator,
            signal + noise * perturbation,
            samples=self.samples,
            sparsity=self.sparsity,
            noise=noise,
            column_norm=1.0,
        )
        return problem, truth

    @property
    def amplitudes(self) -> str:
        """Name of the law of the nonzero coefficients."""
        return AMPLITUDES[int(self.law)]

    def _noise(self, signal: Float[Array, " rows"]) -> Float[Array | np.ndarray, ""]:
        if self.noise is not None:
            return self.noise
        power = squared_norm(signal) / self.samples.astype(signal.dtype)
        return jnp.sqrt(power * 10.0 ** (jnp.negative(self.snr) / 10))

    def _coefficients(self, key) -> Float[Array, " dimension"]:
        shape = (self.dimension,)
        gaussian = draws.normal(key, shape)
        laws = [gaussian, draws.signs(key, shape), 2 * draws.uniform(key, shape) - 1, jnp.abs(gaussian)]
        return jax.lax.select_n(jnp.broadcast_to(self.law, shape), *laws)

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""Relative Euclidean error $\|\hat x - x_0\| / \|x_0\|$; $\|\hat x\|$ when $x_0 = 0$. There is no ambiguity."""
        return relative_error(truth, estimate)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        """Mean squared error per coefficient, and how well the support and its signs are found."""
        return {"mse": jnp.mean((estimate - truth) ** 2), **support_metrics(truth, estimate)}
