r"""Low-rank matrices as products of factors: $X = U U^\top$, or $X = L R^\top$ when the matrix is not symmetric."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.numbers import squared_norm


class Factors(eqx.Module):
    r"""The factor $U$ (`left`, with `right` None) of $U U^\top$, or the factors of $L R^\top$.

    `left` has shape (rows, width), `right` (columns, width). A search rank below the width keeps the last columns at
    zero: under every gradient method zero columns stay exactly zero.
    """

    left: Float[Array, "rows width"]
    right: Float[Array, "columns width"] | None = None

    def matrix(self) -> Float[Array, "rows columns"]:
        r"""The matrix $U U^\top$, or $L R^\top$."""
        return self.left @ (self.left if self.right is None else self.right).T

    def pull_back(self, gradient: Float[Array, "rows columns"]) -> "Factors":
        r"""The gradient with respect to the factors of a function with the given gradient at the product.

        $2 M U$ for a symmetric $M$; $(M R, M^\top L)$ otherwise.
        """
        if self.right is None:
            return Factors(2 * (gradient @ self.left))
        return Factors(gradient @ self.right, gradient.T @ self.left)

    def derivative(self, direction: "Factors") -> Float[Array, "rows columns"]:
        r"""The derivative of the product along a direction, $U V^\top + V U^\top$ or $L V_R^\top + V_L R^\top$."""
        if self.right is None or direction.right is None:
            half = self.left @ direction.left.T
            return half + half.T
        return self.left @ direction.right.T + direction.left @ self.right.T

    def scaled(self, scale: Float[Array, ""]) -> "Factors":
        """All entries times a scalar."""
        return Factors(scale * self.left, None if self.right is None else scale * self.right)

    def moved(self, step: Float[Array, ""], direction: "Factors") -> "Factors":
        """The factors minus `step` times a direction, factor by factor."""
        left = self.left - step * direction.left
        if self.right is None or direction.right is None:
            return Factors(left)
        return Factors(left, self.right - step * direction.right)

    def squared_norm(self) -> Float[Array, ""]:
        """Sum of squares of all entries."""
        total = squared_norm(self.left)
        return total if self.right is None else total + squared_norm(self.right)

    def keep(self, rank) -> "Factors":
        """The factors with all columns from `rank` on set to zero; `rank` may be traced."""
        mask = jnp.arange(self.left.shape[1], dtype=jnp.int32)[None, :] < rank
        left = jnp.where(mask, self.left, 0)
        return Factors(left, None if self.right is None else jnp.where(mask, self.right, 0))
