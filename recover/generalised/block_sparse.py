"""Regression on autoregressive columns with blocks of nonzero coefficients."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import Rule, require_name
from ..core.data import as_data
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.metrics import relative_error, support_metrics
from ..core.model import AbstractModel
from ..core.numbers import ratio, squared_norm
from ..core.sizes import capacity, row_mask
from ..operators.autoregressive import AutoregressiveFactor
from ..operators.centred_rows import CentredRows
from ..operators.weighted_columns import WeightedColumns
from .generalised_problem import LINKS, GeneralisedLinearProblem
from .planting import outcomes, standardised

__all__ = ["BlockSparseRegression"]

# Means and standard deviations of the coefficients of the five blocks, by link.
_LAWS = {
    "identity": ((0.5, 5.0, 10.0, 20.0, 50.0), (1.0, 2.0, 3.0, 4.0, 5.0)),
    "logistic": ((0.5, 0.5, -0.5, -0.5, 1.0), (1.0, 1.0, 1.0, 1.0, 1.0)),
}


class BlockSparseRegression(AbstractModel[Array, GeneralisedLinearProblem, Array]):
    r"""A generalised linear model whose coefficients vanish outside of blocks, evenly spaced from the first to the last one.

    $$x_i \sim N(0, \Sigma), \quad \Sigma_{jk} = \tau^{|j - k|}, \qquad
      \eta_i = x_i^\top \beta + s w_i, \quad w_i \sim N(0, 1), \quad s^2 = \beta^\top \Sigma \beta / \mathrm{SNR},$$

    with $y_i = \eta_i$, or $y_i \sim \mathrm{Bernoulli}(1 / (1 + e^{-\eta_i}))$: there the noise stands inside of the link.
    Coefficients of block $b$ are $N(m_b, s_b^2)$, with $m = (\frac12, 5, 10, 20, 50)$ and $s = (1, 2, 3, 4, 5)$ for the identity,
    $m = (\frac12, \frac12, -\frac12, -\frac12, 1)$ and $s_b = 1$ for the logistic link. Columns are standardised: mean 0 and
    variance 1 over all rows of data. All but the dimension and the width of the blocks is traced.

    Source: Yang, Asgharian and Bhatnagar (yang2024, simulation studies; the laws are those of their public code).
    """

    dimension: int = count(1)
    samples: Size = size(2)
    correlation: Real = leaf(0.5, Rule("a number strictly between -1 and 1", lambda value: np.abs(value) < 1))
    snr: Real = leaf(5.0, "positive")
    held_out: Real = leaf(0.0, Rule("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)))
    link: Int[Array, ""] = integer(0, most=1)
    means: Float[Array, " blocks"] = leaf(rule="finite")
    deviations: Float[Array, " blocks"] = leaf(rule="nonnegative")
    width: int = count(1, default=10)

    def __init__(
        self,
        dimension,
        samples,
        correlation=0.5,
        snr=5.0,
        held_out=0.0,
        link="identity",
        width=10,
        means=None,
        deviations=None,
    ):
        r"""**Arguments:**

        - `dimension`: number of coefficients $p$, at least five blocks.
        - `samples`: number of observations.
        - `correlation`: $\tau$ in (-1, 1).
        - `snr`: the ratio of the variances of signal and noise (no decibels).
        - `held_out`: share of the rows, the last ones, that validate.
        - `link`: `"identity"` or `"logistic"`.
        - `width`: nonzero coefficients in each block.
        - `means`, `deviations`: vectors $m$ and $s$, one number for each block; by default as above.

        **Raises:** `ValueError` for an impossible size or number, or an unknown name.
        """
        require_name("BlockSparseRegression", "link", link, LINKS)
        self.dimension, self.samples, self.correlation = dimension, samples, correlation
        self.snr, self.held_out, self.width = snr, held_out, width
        self.link = LINKS.index(link)
        laws = (_LAWS[link][0] if means is None else means, _LAWS[link][1] if deviations is None else deviations)
        owner = type(self).__name__
        self.means, self.deviations = (
            as_data(owner, name, law, "blocks") for name, law in zip(("means", "deviations"), laws, strict=True)
        )

    def check_together(self):
        """The blocks must fit, and have both means and deviations."""
        if self.means.ndim != 1 or self.means.shape != self.deviations.shape:
            raise ValueError(
                f"BlockSparseRegression: `means` has shape {self.means.shape} and `deviations` {self.deviations.shape}; vectors "
                "of one length are allowed."
            )
        if self.dimension < len(self.means) * self.width:
            raise ValueError(
                f"BlockSparseRegression: `dimension` is {self.dimension}; at least {len(self.means) * self.width}, "
                f"{len(self.means)} blocks of {self.width}, is allowed."
            )

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """White noise of shape (capacity of `samples`, dimension), which all correlations share."""
        return draws.normal(key, (capacity(self, "samples"), self.dimension))

    def observe(self, key: Key[Array, ""], design) -> tuple[GeneralisedLinearProblem, Float[Array, " dimension"]]:
        """Coefficients in blocks and their observations; the truth is the vector of coefficients."""
        rows = capacity(self, "samples")
        key_coefficients, key_noise, key_outcome = draws.split(key, 3)
        truth = self._coefficients(key_coefficients)
        factor = AutoregressiveFactor(self.correlation, self.dimension, dtype=design.dtype)
        mask = row_mask(self.samples, rows)
        _, deviations = standardised(jax.vmap(factor.transpose_mv)(design), mask)
        # The product keeps its factors: lanes share the matrix of white noise.
        centred = CentredRows(mask, dtype=design.dtype) @ lx.MatrixLinearOperator(design) @ factor
        operator = WeightedColumns(centred, ratio(1, deviations), dtype=design.dtype)
        noise = jnp.sqrt(squared_norm(factor.mv(truth)) / self.snr)
        predictor = operator.mv(truth) + noise * draws.normal(key_noise, (rows,))
        held_out = jnp.floor(self.held_out * self.samples.astype(predictor.dtype)).astype(jnp.int32)
        problem = GeneralisedLinearProblem(
            operator,
            outcomes(key_outcome, predictor, self.link, mask),
            jnp.asarray(self.link),
            samples=self.samples,
            training=self.samples - held_out,
        )
        return problem, truth

    def _coefficients(self, key) -> Float[Array, " dimension"]:
        blocks = len(self.means)
        starts = np.round(np.linspace(0, self.dimension - self.width, blocks)).astype(int)
        places = (starts[:, None] + np.arange(self.width)).reshape(-1)
        drawn = draws.normal(key, (blocks * self.width,))
        means, deviations = (jnp.asarray(law, drawn.dtype) for law in (self.means, self.deviations))
        values = jnp.repeat(means, self.width) + jnp.repeat(deviations, self.width) * drawn
        return jnp.zeros(self.dimension, drawn.dtype).at[places].set(values)

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""Relative Euclidean error $\|\hat\beta - \beta\| / \|\beta\|$."""
        return relative_error(truth, estimate)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        """The largest error of a coefficient, and how well the support is found."""
        return {"largest_error": jnp.max(jnp.abs(estimate - truth)), **support_metrics(truth, estimate)}
