"""Planted sparse regression of users with standard normal features: all of them, or their averages alone."""

import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws, threefry
from ..core.checks import Rule
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.leaves import as_real_leaf
from ..core.model import AbstractModel
from ..core.numbers import norm, ratio
from ..core.selection import smallest_words_mask
from ..core.sizes import capacity, row_mask
from .problem import MomentProblem, UserProblem

__all__ = ["PlantedMoments", "PlantedUsers"]

_MANY = Rule("a number of at least 10", lambda value: (value >= 10) & np.isfinite(value), as_real_leaf)


def planted(
    key: Key[Array, ""], sparsity: Int[Array, ""], present: Bool[Array, " columns"]
) -> Float[Array, " columns"]:
    r"""Coefficients $\pm 1 / \sqrt k$ on a support uniform among the columns that are there."""
    columns = len(present)
    key_support, key_signs = draws.split(key)
    words = jnp.where(present, threefry.bits(key_support, (columns,)), np.uint32(2**32 - 1))
    values = draws.signs(key_signs, (columns,))
    return jnp.where(smallest_words_mask(words, sparsity), values / jnp.sqrt(sparsity.astype(values.dtype)), 0)


class _AbstractUsers(AbstractModel):
    """Models of sparse coefficients that are to be found themselves."""

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""The distance $\|\hat\theta - \theta\|_2$; the coefficients have norm one."""
        return norm(estimate - truth)

    def metrics(self, truth: Float[Array, " dimension"], estimate) -> dict[str, Float[Array, ""]]:
        """Shares of the support that are found, `found`, and of what is found that is not in it, `false`."""
        true, chosen = truth != 0, estimate != 0
        hits, dtype = jnp.sum(true & chosen), truth.dtype
        total = jnp.sum(chosen).astype(dtype)
        return {
            "found": hits.astype(dtype) / jnp.sum(true).astype(dtype),
            "false": ratio(total - hits.astype(dtype), total),
        }


class PlantedMoments(_AbstractUsers):
    r"""Averages of $n$ users with $x \sim N(0, I_d)$, $y = \langle x, \theta \rangle + N(0, \sigma^2)$ and $\theta_j = \pm 1 / \sqrt k$ on its support.

    $$S = I + W / \sqrt n, \qquad b = S \theta + \sigma g / \sqrt n,$$

    $W$ symmetric with entries $N(0, 1)$, $N(0, 2)$ on the diagonal, and $g \sim N(0, I)$: the central limit of both, so that
    $n$, a real number, may be anything. Clipping at $c \sqrt{\log n}$, $c \ge 1$, changes averages by less than sampling does, and is
    left out; for $c < 1$ use `PlantedUsers`. All fields are traced.

    Source: the setting of Zhu, Ding, Aggarwal, Xu and Wang (zhu2024); the law of features and coefficients is ours.
    """

    dimension: Size = size(1)
    users: Real = leaf(rule=_MANY)
    sparsity: Int[Array, ""] = integer(1, "dimension")
    noise: Real = leaf(0.5, "standard deviation")
    truncation: Real = leaf(1.0, "at least one")

    def design(self, key: Key[Array, ""]) -> Float[Array, "dimension dimension"]:
        """Standard normal entries, the same ones whatever the capacity."""
        width = capacity(self, "dimension")
        return draws.normal_tensor(key, (width, width))

    def observe(self, key: Key[Array, ""], design) -> tuple[MomentProblem, Float[Array, " dimension"]]:
        """Coefficients, and averages."""
        columns = len(design)
        present = row_mask(self.dimension, columns)
        key_truth, key_noise = draws.split(key)
        theta = planted(key_truth, self.sparsity, present)
        # Of (G + G^T) / sqrt(2) entries have variance one, and two on the diagonal.
        wishart = jnp.where(present[:, None] & present[None, :], (design + design.T) / np.sqrt(2), 0)
        deviation = wishart / jnp.sqrt(self.users)
        noise = jnp.where(present, draws.normal(key_noise, (columns,)), 0) * self.noise / jnp.sqrt(self.users)
        covariance = jnp.eye(columns, dtype=theta.dtype) + deviation
        correlation = theta + deviation @ theta + noise
        problem = MomentProblem(covariance, correlation, self.users, truncation=self.truncation, width=self.dimension)
        return problem, theta


class PlantedUsers(_AbstractUsers):
    r"""The same law with every user: one row $(x_i, y_i)$ each, clipped at $c \sqrt{\log n}$ for any $c > 0$.

    Numbers of users and nonzeros, noise and truncation are traced.

    Source: as for `PlantedMoments`.
    """

    dimension: int = count(1)
    samples: Size = size(10)
    sparsity: Int[Array, ""] = integer(1, "dimension")
    noise: Real = leaf(0.5, "standard deviation")
    truncation: Real = leaf(1.0, "positive")

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """Standard normal features."""
        return draws.normal(key, (capacity(self, "samples"), self.dimension))

    def observe(self, key: Key[Array, ""], design) -> tuple[UserProblem, Float[Array, " dimension"]]:
        """Coefficients, and responses."""
        rows = len(design)
        there = row_mask(self.samples, rows)
        key_truth, key_noise = draws.split(key)
        theta = planted(key_truth, self.sparsity, jnp.ones(self.dimension, bool))
        matrix = jnp.where(there[:, None], design, 0)
        responses = matrix @ theta + self.noise * jnp.where(there, draws.normal(key_noise, (rows,)), 0)
        problem = UserProblem(
            lx.MatrixLinearOperator(matrix),
            responses,
            samples=self.samples,
            sparsity=self.sparsity,
            noise=self.noise,
            column_norm=jnp.sqrt(self.samples.astype(matrix.dtype)),
            truncation=self.truncation,
        )
        return problem, theta
