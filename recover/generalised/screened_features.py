"""A few features among many that an outcome depends on, linearly or through their squares."""

import jax
import jax.numpy as jnp
import jax.scipy.stats
import lineax as lx
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import Rule, require_name
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.model import AbstractModel
from ..core.numbers import squared_norm
from ..core.sizes import capacity, row_mask
from ..operators.autoregressive import AutoregressiveFactor
from .generalised_problem import LINKS, GeneralisedLinearProblem
from .planting import outcomes, standardised

__all__ = ["ScreenedFeatures"]

_SHAPES = ("linear", "squared")
# Mean of the coefficients, and correlation of neighbouring ones.
_MEAN, _CORRELATION = 6.0, 0.6


class ScreenedFeatures(AbstractModel[Array, GeneralisedLinearProblem, Array]):
    r"""An outcome of $k$ among $p$ autoregressive features, which enter as they are or as their standardised squares.

    $$\eta_i = \sum_{j \in S} \beta_j\, t(X_{ij}) + s w_i, \qquad \beta \sim N(6 \cdot 1, (0.6^{|i - j|})_{ij}), \qquad
      s^2 = \widehat{\mathrm{Var}}(\text{signal}) / \mathrm{SNR},$$

    and $y = \eta$, or $y \sim \mathrm{Bernoulli}(1 / (1 + e^{-\eta}))$. The rows of $X$ are Gaussian with correlations
    $\tau^{|j - k|}$ and columns are standardised; the set $S$ is uniform. The truth is its indicator, and the error of scores is
    $1 - \mathrm{AUROC}$, the share of pairs of a feature in $S$ and another one that they order wrongly.

    Source: Yang (yang2025, simulation studies), who takes columns of imaging data instead.

    - `dimension`, `samples`, `sparsity`: $p$, $n$ and $1 \le k < p$.
    - `correlation`: $\tau$ in (-1, 1); `snr`: the ratio of variances (no decibels).
    - `shape`: `"linear"` or `"squared"`; `link`: `"identity"` or `"logistic"`; both are traced.

    **Raises:** `ValueError` for an impossible size or number, or an unknown name.
    """

    dimension: int = count(2)
    samples: Size = size(2)
    sparsity: Int[Array, ""] = integer(1, most="_others")
    correlation: Real = leaf(0.5, Rule("a number strictly between -1 and 1", lambda value: np.abs(value) < 1))
    snr: Real = leaf(3.0, "positive")
    shape: Int[Array, ""] = integer(0, most=len(_SHAPES) - 1)
    link: Int[Array, ""] = integer(0, most=len(LINKS) - 1)

    def __init__(self, dimension, samples, sparsity, correlation=0.5, snr=3.0, shape="linear", link="identity"):
        """As the class says; shape and link by name."""
        require_name("ScreenedFeatures", "shape", shape, _SHAPES)
        require_name("ScreenedFeatures", "link", link, LINKS)
        self.dimension, self.samples, self.sparsity = dimension, samples, sparsity
        self.correlation, self.snr = correlation, snr
        self.shape, self.link = _SHAPES.index(shape), LINKS.index(link)

    @property
    def _others(self) -> int:
        return self.dimension - 1

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """White noise, which all correlations share."""
        return draws.normal(key, (capacity(self, "samples"), self.dimension))

    def observe(self, key: Key[Array, ""], design) -> tuple[GeneralisedLinearProblem, Float[Array, " dimension"]]:
        """Standardised columns and the outcome; the truth is 1 for features that it depends on and 0 for the others."""
        rows = capacity(self, "samples")
        key_support, key_coefficients, key_noise, key_outcome = draws.split(key, 4)
        mask = row_mask(self.samples, rows)
        factor = AutoregressiveFactor(self.correlation, self.dimension, dtype=design.dtype)
        columns, _ = standardised(jax.vmap(factor.transpose_mv)(design), mask)
        truth = draws.random_support(key_support, self.dimension, self.sparsity).astype(design.dtype)
        noise = draws.normal(key_coefficients, (self.dimension,))
        coefficients = _MEAN + AutoregressiveFactor(_CORRELATION, self.dimension).T.mv(noise)
        shaped = jnp.where(self.shape == 1, standardised(columns**2, mask)[0], columns)
        signal = shaped @ (truth * coefficients)
        variance = squared_norm(signal) / self.samples.astype(signal.dtype)
        predictor = signal + jnp.sqrt(variance / self.snr) * draws.normal(key_noise, (rows,))
        operator = lx.MatrixLinearOperator(columns)
        observations = outcomes(key_outcome, predictor, self.link, mask)
        problem = GeneralisedLinearProblem(operator, observations, jnp.asarray(self.link), samples=self.samples)
        return problem, truth

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""$1 - \mathrm{AUROC}$ of scores, ties counted half."""
        positive, total = jnp.sum(truth), jnp.asarray(truth.shape[0], truth.dtype)
        ranks = jax.scipy.stats.rankdata(estimate).astype(truth.dtype)
        above = jnp.vdot(ranks, truth) - positive * (positive + 1) / 2
        return 1 - above / (positive * (total - positive))
