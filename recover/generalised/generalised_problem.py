"""Observations of a vector through a generalised linear model: what a solver may see."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_integer, require_name
from ..core.leaves import is_concrete
from ..core.problem import AbstractRowProblem
from ..core.sizes import row_mask
from ..operators.given import given_data
from ..operators.transposed import transposed_product

__all__ = ["GeneralisedLinearProblem"]

LINKS = ("identity", "logistic")


class GeneralisedLinearProblem(AbstractRowProblem):
    r"""Observations whose mean is a function of a linear predictor, $\mathbb{E}\, y_i = \mu(\eta_i)$ with $\eta = A x$.

    $$f(x) = \frac{1}{2n} \sum_{i \le n} \ell(y_i, \eta_i), \qquad
      \ell = (y - \eta)^2 \text{ (identity)}, \qquad \ell = \log(1 + e^\eta) - y \eta \text{ (logistic, } y \in \{0, 1\}).$$

    Of the `samples` rows that are data the first $n$, `training`, are fitted; the others validate. Rows beyond are padding and
    zero. The link is a traced number, so that both kinds share a program. There is no intercept: give the operator a column of
    ones, and the penalty a strength of zero there.
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, " rows"]
    samples: Int[Array, ""]
    training: Int[Array, ""]
    link: Int[Array, ""]

    def __init__(self, operator, observations, link="identity", *, samples=None, training=None):
        """**Arguments:**

        - `operator`, `observations`, `samples`: as for `recover.LinearProblem`.
        - `link`: `"identity"` or `"logistic"`; or its traced number, 0 or 1.
        - `training`: how many leading rows are fitted; all of them by default.

        **Raises:** `ValueError` when the shapes do not fit, a number is impossible, or observations of the logistic link are
        not 0 and 1; `TypeError` for what is no array of numbers.
        """
        owner = "GeneralisedLinearProblem"
        operator, observations = given_data(owner, operator, observations)
        if link is None or isinstance(link, str):
            require_name(owner, "link", link, LINKS)
            link = LINKS.index(link)
        require_integer(owner, "link", link, 0, len(LINKS) - 1)
        if is_concrete(link) and int(link) == 1 and is_concrete(observations):
            entries = np.asarray(observations)
            if not np.isin(entries, (0, 1)).all():
                entry = entries[~np.isin(entries, (0, 1))][0]
                raise ValueError(f"{owner}: `observations` has the entry {entry}; 0 and 1 are allowed (logistic link).")
        rows = observations.shape[0]
        require_integer(owner, "samples", samples, 1, rows)
        require_integer(owner, "training", training, 1, rows)
        self.operator, self.observations = operator, observations
        self.samples = jnp.asarray(rows if samples is None else samples)
        self.training = self.samples if training is None else jnp.asarray(training)
        self.link = jnp.asarray(link)

    @property
    def dimension(self) -> int:
        """Number of coefficients (static)."""
        return self.operator.in_size()

    @property
    def fitted(self) -> Bool[Array, " rows"]:
        """Which rows are fitted."""
        return row_mask(self.training, self.observations.shape[0])

    @property
    def curvature(self) -> Float[Array, ""]:
        r"""What bounds the second derivative of $\ell / 2$ in $\eta$: 1, or 1/8 for the logistic link."""
        return jnp.where(self.link == 1, 1 / 8, 1).astype(self.observations.dtype)

    def predictor(self, x: Float[Array, " dimension"]) -> Float[Array, " rows"]:
        r"""The linear predictor $\eta = A x$."""
        return self.operator.mv(x)

    def mean(self, predictor: Float[Array, " rows"]) -> Float[Array, " rows"]:
        r"""$\mu(\eta)$, zero where rows are padding."""
        mean = jnp.where(self.link == 1, jax.nn.sigmoid(predictor), predictor)
        return jnp.where(self.mask, mean, 0)

    def forward(self, x: Float[Array, " dimension"]) -> Float[Array, " rows"]:
        """The mean of the observations given `x`."""
        return self.mean(self.predictor(x))

    def loss(self, predictor: Float[Array, " rows"], held_out: bool = False) -> Float[Array, ""]:
        r"""$f$ as a function of the predictor; or the mean over the rows that are held out."""
        squares = (self.observations - predictor) ** 2
        deviances = jnp.logaddexp(predictor, 0) - self.observations * predictor
        losses = jnp.where(self.link == 1, deviances, squares)
        rows = self.mask & ~self.fitted if held_out else self.fitted
        return jnp.sum(jnp.where(rows, losses, 0)) / (2 * jnp.maximum(jnp.sum(rows), 1).astype(losses.dtype))

    def slopes(self, predictor: Float[Array, " rows"]) -> Float[Array, " rows"]:
        r"""The derivative of $f$ in every $\eta_i$: $(\mu(\eta_i) - y_i) / n$, and half of it for the logistic link."""
        half = jnp.where(self.link == 1, 1 / 2, 1).astype(predictor.dtype)
        difference = half * (self.mean(predictor) - self.observations)
        return jnp.where(self.fitted, difference, 0) / self.training.astype(predictor.dtype)

    def gradient(self, predictor: Float[Array, " rows"]) -> Float[Array, " dimension"]:
        r"""The gradient of $f$ at a vector with this predictor."""
        return transposed_product(self.operator, self.slopes(predictor))
