"""What users hold: one row of data each, or the averages of all of them."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_integer
from ..core.data import as_data, in_one_dtype, number
from ..core.numbers import norm, ratio
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask
from ..sparse.problem import LinearProblem

__all__ = ["MomentProblem", "UserProblem"]


def truncation_level(truncation: Float[Array, ""], users: Float[Array, ""]) -> Float[Array, ""]:
    r"""The level $\tau = c \sqrt{\log n}$ at which users clip coordinates and responses."""
    return truncation * jnp.sqrt(jnp.log(users))


class MomentProblem(AbstractProblem):
    r"""Averages of what $n$ users hold, of which protocols release noisy versions: $S = \frac1n \sum_i x_i x_i^\top$, $b = \frac1n \sum_i x_i y_i$.

    A protocol whose messages carry Gaussian noise has, on average, these and Gaussian noise of $1 / \sqrt n$ of its size: exactly what
    $n$ separate messages give, at any number of users. Whoever holds a problem holds unprotected data; what a solver *answers* is private,
    its state is not.

    - `observations`: $b$, of users who clip $x$ by coordinate, and $y$, at $\tau = c \sqrt{\log n}$.
    - `covariance`: $S$, of users who shorten $x$ to a norm of at most $\sqrt d \, \tau$.
    - `users`: $n$, a real number; `truncation`: $c$.
    - `width`: how many columns are data; the others are zero, and $S$ is the identity there.
    """

    observations: Float[Array, " dimension"]
    covariance: Float[Array, "dimension dimension"]
    users: Float[Array, ""]
    truncation: Float[Array, ""]
    width: Int[Array, ""]

    def __init__(self, covariance, observations, users, *, truncation=1.0, width=None):
        r"""**Arguments:**

        - `covariance`: $S$; `observations`: $b$. **They must come from clipped data**, as `UserProblem.moments` makes them: privacy rests on it.
        - `users`: number of users $n$, at least 3, as a real number: it may exceed what integers hold.
        - `truncation`: $c > 0$.
        - `width`: how many leading columns are data; all by default.

        **Raises:** `ValueError` for shapes that do not fit or impossible numbers, `TypeError` for what is no array of real numbers.
        """
        owner = type(self).__name__
        covariance = as_data(owner, "covariance", covariance, "columns columns")
        observations = as_data(owner, "observations", observations, "columns")
        size = observations.shape[0]
        if covariance.shape != (size, size):
            raise ValueError(
                f"{owner}: `covariance` has shape {covariance.shape} and `observations` {observations.shape}; (n, n) and (n,) are allowed."
            )
        self.covariance, self.observations = in_one_dtype(owner, covariance=covariance, observations=observations)
        require_integer(owner, "width", width, 1, size)
        dtype = self.observations.dtype
        self.users = number(owner, "users", users, "positive", dtype)
        self.truncation = number(owner, "truncation", truncation, "positive", dtype)
        self.width = jnp.asarray(size if width is None else width)

    @property
    def dimension(self) -> int:
        """Padded number of columns (static)."""
        return self.observations.shape[0]

    @property
    def mask(self) -> Bool[Array, " dimension"]:
        """Which columns are data."""
        return row_mask(self.width, self.dimension)

    @property
    def count(self) -> Float[Array, ""]:
        """Number of columns that are data, as a real number."""
        return self.width.astype(self.observations.dtype)

    @property
    def level(self) -> Float[Array, ""]:
        r"""The level $\tau$ of clipping."""
        return truncation_level(self.truncation, self.users)

    def forward(self, x: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
        """The product S x."""
        return jnp.where(self.mask, self.covariance @ x, 0)

    def adjoint(self, z: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
        """The product of the transposed covariance with z."""
        return jnp.where(self.mask, self.covariance.T @ z, 0)


class UserProblem(LinearProblem):
    r"""A linear problem whose rows are users, one $(x_i, y_i)$ each, who clip at $\tau = c \sqrt{\log n}$ before they send anything.

    Features and responses are best standardised by public knowledge (not by these data): protocols presume $\|\theta\|_2 \le 1$.
    """

    truncation: Float[Array, ""]

    def __init__(self, operator, observations, *, truncation=1.0, **known):
        r"""**Arguments:** those of `recover.LinearProblem`, and `truncation` $c > 0$.

        **Raises:** `ValueError` and `TypeError` as `recover.LinearProblem`, and for an impossible truncation.
        """
        super().__init__(operator, observations, **known)
        self.truncation = number(type(self).__name__, "truncation", truncation, "positive", self.observations.dtype)

    def units(self) -> None:
        """None: clipping levels are absolute."""
        return

    @property
    def users(self) -> Float[Array, ""]:
        """The number of users, as a real number."""
        return self.count

    @property
    def level(self) -> Float[Array, ""]:
        r"""The level $\tau$ of clipping."""
        return truncation_level(self.truncation, self.users)

    def clipped(self) -> tuple[Float[Array, "rows columns"], Float[Array, " rows"]]:
        """Features, by coordinate, and responses after clipping."""
        level = self.level
        return jnp.clip(self.operator.as_matrix(), -level, level), jnp.clip(self.observations, -level, level)

    def moments(self) -> MomentProblem:
        """The averages that one-shot protocols release: features shortened to a norm, and products of clipped ones."""
        there = self.mask[:, None]
        features, responses = self.clipped()
        rows = self.operator.as_matrix()
        radius = jnp.sqrt(jnp.asarray(self.dimension, rows.dtype)) * self.level
        shortened = jnp.where(there, rows * jnp.minimum(1, ratio(radius, norm(rows, 1, keepdims=True), 1)), 0)
        covariance = shortened.T @ shortened / self.count
        correlation = jnp.where(there, features, 0).T @ responses / self.count
        return MomentProblem(covariance, correlation, self.users, truncation=self.truncation)
