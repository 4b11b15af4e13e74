r"""The likelihood of cumulative logits, by boundary: $P(y \le k \mid x) = \sigma(\eta_k)$ for $k = 1, \dots, K - 1$.

With $u = \eta_k$ and $l = \eta_{k - 1}$ a middle class has $\log(\sigma(u) - \sigma(l)) = \log \sigma(u) + \log \sigma(-l) + \log(1 - e^{l - u})$, which
neither cancels nor overflows; the first class lacks the last two terms and the last class the first and the last. It is jointly
concave in the $\eta$, so its Hessian serves Newton's method.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

__all__ = ["OrdinalCoefficients", "class_probabilities"]


class OrdinalCoefficients(eqx.Module):
    r"""$\eta_k = \alpha_k + x^\top \beta_k$ with $\beta_k = \sum_{l \le k} \psi_l$.

    - `intercepts`: $\alpha$, of shape (classes - 1,).
    - `differences`: $\psi$, of shape (classes - 1, p); the first is $\beta_1$, and all others are zero under proportional odds.

    Those of many solves have further leading axes.
    """

    intercepts: Float[Array, "*solves boundaries"]
    differences: Float[Array, "*solves boundaries dimension"]

    @property
    def slopes(self) -> Float[Array, "*solves boundaries dimension"]:
        r"""The $\beta_k$."""
        return jnp.cumsum(self.differences, -2)

    def logits(self, inputs: Float[Array, "rows dimension"]) -> Float[Array, "*solves rows boundaries"]:
        r"""The $\eta_k$ of every row."""
        return inputs @ self.slopes.mT + self.intercepts[..., None, :]

    def rare_probability(self, inputs: Float[Array, "rows dimension"]) -> Float[Array, "*solves rows"]:
        """The probability of the last class in every row."""
        return jax.nn.sigmoid(-self.logits(inputs)[..., -1])


def class_probabilities(logits: Float[Array, "rows boundaries"]) -> Float[Array, "rows classes"]:
    """Probabilities of all classes, negative where boundaries cross."""
    below = jax.nn.sigmoid(logits)
    middle = below[:, 1:] - below[:, :-1]
    return jnp.concatenate([below[:, :1], middle, jax.nn.sigmoid(-logits[:, -1:])], 1)


class _Ends(eqx.Module):
    """Of every row, the logits between which its class lies, and whether there are such."""

    upper: Float[Array, " rows"]
    lower: Float[Array, " rows"]
    bounded_above: Float[Array, " rows"]
    bounded_below: Float[Array, " rows"]

    @staticmethod
    def of(logits: Float[Array, "rows boundaries"], classes: Float[Array, "rows classes"]) -> "_Ends":
        upper, lower = jnp.sum(classes[:, :-1] * logits, 1), jnp.sum(classes[:, 1:] * logits, 1)
        return _Ends(upper, lower, jnp.sum(classes[:, :-1], 1), jnp.sum(classes[:, 1:], 1))

    @property
    def both(self) -> Bool[Array, " rows"]:
        return (self.bounded_above > 0) & (self.bounded_below > 0)


def log_likelihood(logits: Float[Array, "rows boundaries"], classes: Float[Array, "rows classes"]) -> Float[Array, ""]:
    """The log-likelihood; minus infinity where boundaries cross that a row lies between. Rows of zeros do not count."""
    ends = _Ends.of(logits, classes)
    gap = jnp.where(ends.both, ends.upper - ends.lower, 1)
    between = jnp.log(-jnp.expm1(-jnp.where(gap > 0, gap, 1)))
    above, below = ends.bounded_above * _softplus(-ends.upper), ends.bounded_below * _softplus(ends.lower)
    return jnp.where(jnp.all(gap > 0), jnp.sum(jnp.where(ends.both, between, 0) - above - below), -jnp.inf)


def _softplus(x: Float[Array, " rows"]) -> Float[Array, " rows"]:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def derivatives(logits: Float[Array, "rows boundaries"], classes: Float[Array, "rows classes"]):
    r"""Gradient in the logits, and the negative Hessian: its diagonal, and the entries of neighbouring boundaries.

    With $q = 1 / (e^{u - l} - 1)$ a middle class has the gradient $\sigma(-u) + q$ in $u$ and $-\sigma(l) - q$ in $l$, and the
    second derivatives $-\sigma(u) \sigma(-u) - q (1 + q)$, the same in $l$, and $q (1 + q)$.
    """
    ends = _Ends.of(logits, classes)
    gap = ends.upper - ends.lower
    there = ends.both & (gap > 0)
    odds = jnp.where(there, 1 / jnp.expm1(jnp.where(there, gap, 1)), 0)
    above, below = jax.nn.sigmoid(-ends.upper), jax.nn.sigmoid(ends.lower)
    bend = odds * (1 + odds)

    def placed(of_upper, of_lower):
        return classes[:, :-1] * of_upper[:, None] + classes[:, 1:] * of_lower[:, None]

    gradient = placed(above + odds, -below - odds)
    diagonal = placed(above * (1 - above) + bend, below * (1 - below) + bend)
    return gradient, diagonal, -classes[:, 1:-1] * bend[:, None]
