"""An operator with weighted columns."""

import equinox as eqx
import lineax as lx
import numpy as np
from jaxtyping import Array, Float, Inexact

from .base import AbstractStructuredOperator
from .transposed import transposed_product

__all__ = ["WeightedColumns"]


class WeightedColumns(AbstractStructuredOperator):
    r"""$x \mapsto A (w \odot x)$: the columns of $A$ times weights, for instance the mask of a support, or all times one number.

    The same map as `operator @ lineax.DiagonalLinearOperator(weights)`, with a transpose that holds the operator itself:
    nothing that keeps the transpose keeps a second, transposed matrix.
    """

    operator: lx.AbstractLinearOperator
    weights: Float[Array, " columns"] | Float[Array, ""]
    dtype: np.dtype | None = eqx.field(static=True, default=None)

    def mv(self, vector: Inexact[Array, " columns"]) -> Inexact[Array, " rows"]:
        r"""$A (w \odot x)$."""
        return self.operator.mv(self.weights.astype(vector.dtype) * vector)

    def transpose_mv(self, vector: Inexact[Array, " rows"]) -> Inexact[Array, " columns"]:
        r"""$w \odot A^\top z$."""
        return self.weights.astype(vector.dtype) * transposed_product(self.operator, vector)

    def as_matrix(self) -> Inexact[Array, "rows columns"]:
        r"""$A\, \mathrm{diag}(w)$."""
        matrix = self.operator.as_matrix()
        weights = self.weights.astype(matrix.dtype)
        return matrix * (weights[None, :] if weights.ndim else weights)

    def in_size(self) -> int:
        """Number of columns of A."""
        return self.operator.in_size()

    def out_size(self) -> int:
        """Number of rows of A."""
        return self.operator.out_size()
