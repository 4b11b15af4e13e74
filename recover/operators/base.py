"""What every matrix-free operator shares: its place in lineax, its transpose, its dense form and its dtype."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
import numpy as np
from jaxtyping import Array, Inexact

__all__ = ["AbstractStructuredOperator", "TransposedOperator"]


class AbstractStructuredOperator(lx.AbstractLinearOperator):
    r"""A real $m \times n$ matrix given by two fast products, $x \mapsto A x$ and $z \mapsto A^\top z$.

    Subclasses write `mv`, `transpose_mv`, `in_size` and `out_size`, and hold a static field `dtype`.

    Both products are computed in the dtype of the vector they are given. `dtype` is only what `in_structure` and
    `out_structure` announce, which lineax compares when operators are composed. Left at `None`, it is that of the
    floating leaves of the operator, as in `lineax.MatrixLinearOperator`, or JAX's default for want of any.
    """

    dtype: eqx.AbstractVar[np.dtype | None]

    @abc.abstractmethod
    def mv(self, vector: Inexact[Array, " columns"]) -> Inexact[Array, " rows"]:
        """The product with the matrix."""

    @abc.abstractmethod
    def transpose_mv(self, vector: Inexact[Array, " rows"]) -> Inexact[Array, " columns"]:
        """The product with the transposed matrix."""

    @abc.abstractmethod
    def in_size(self) -> int:
        """The number of columns."""

    @abc.abstractmethod
    def out_size(self) -> int:
        """The number of rows."""

    def transpose(self) -> lx.AbstractLinearOperator:
        """The transposed operator; transposing again gives back this very operator."""
        return TransposedOperator(self)

    def as_matrix(self) -> Inexact[Array, "rows columns"]:
        """The dense matrix; row by row through the transpose, as subsampled operators are wide."""
        structure = self.out_structure()
        return jax.vmap(self.transpose_mv)(jnp.eye(self.out_size(), dtype=structure.dtype))

    def in_structure(self) -> jax.ShapeDtypeStruct:
        """The shape `(columns,)` and dtype of an input."""
        return jax.ShapeDtypeStruct((self.in_size(),), _announced_dtype(self))

    def out_structure(self) -> jax.ShapeDtypeStruct:
        """The shape `(rows,)` and dtype of an output."""
        return jax.ShapeDtypeStruct((self.out_size(),), _announced_dtype(self))


class TransposedOperator(lx.AbstractLinearOperator):
    r"""The transpose $A^\top$ of a structured operator $A$."""

    operator: AbstractStructuredOperator

    def mv(self, vector: Inexact[Array, " rows"]) -> Inexact[Array, " columns"]:
        """The product with the transposed matrix."""
        return self.operator.transpose_mv(vector)

    def as_matrix(self) -> Inexact[Array, "columns rows"]:
        """The dense transposed matrix."""
        return self.operator.as_matrix().T

    def transpose(self) -> AbstractStructuredOperator:
        """The operator this is the transpose of."""
        return self.operator

    def in_structure(self) -> jax.ShapeDtypeStruct:
        """The shape `(rows,)` and dtype of an input."""
        return self.operator.out_structure()

    def out_structure(self) -> jax.ShapeDtypeStruct:
        """The shape `(columns,)` and dtype of an output."""
        return self.operator.in_structure()


def as_dtype(dtype) -> np.dtype | None:
    """Field converter of `dtype`: anything NumPy reads as a dtype, or `None`; hashable, so that it can be static."""
    return None if dtype is None else np.dtype(dtype)


def _announced_dtype(operator: AbstractStructuredOperator) -> np.dtype:
    if operator.dtype is not None:
        return jax.dtypes.canonicalize_dtype(operator.dtype)
    leaves = [leaf for leaf in jtu.tree_leaves(operator) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)]
    return jnp.result_type(*leaves) if leaves else jnp.result_type(float)


# lineax asks about operators through single dispatch, which follows inheritance: one registration per question
# serves every subclass. Random structured matrices have none of these properties, so the honest answer is no; a
# subclass that does have one registers its own answer.


def _no(operator) -> bool:
    return False


for _question in (
    lx.has_unit_diagonal,
    lx.is_diagonal,
    lx.is_lower_triangular,
    lx.is_negative_semidefinite,
    lx.is_positive_semidefinite,
    lx.is_symmetric,
    lx.is_tridiagonal,
    lx.is_upper_triangular,
):
    _question.register(AbstractStructuredOperator)(_no)


def _as_asked_of_the_operator(question):
    return lambda operator: question(operator.operator)


for _question, _transposed_question in (
    (lx.has_unit_diagonal, lx.has_unit_diagonal),
    (lx.is_diagonal, lx.is_diagonal),
    (lx.is_lower_triangular, lx.is_upper_triangular),
    (lx.is_negative_semidefinite, lx.is_negative_semidefinite),
    (lx.is_positive_semidefinite, lx.is_positive_semidefinite),
    (lx.is_symmetric, lx.is_symmetric),
    (lx.is_tridiagonal, lx.is_tridiagonal),
    (lx.is_upper_triangular, lx.is_lower_triangular),
):
    _question.register(TransposedOperator)(_as_asked_of_the_operator(_transposed_question))


@lx.linearise.register(AbstractStructuredOperator)
@lx.linearise.register(TransposedOperator)
@lx.conj.register(AbstractStructuredOperator)
@lx.conj.register(TransposedOperator)
def _unchanged(operator):
    return operator


@lx.materialise.register(AbstractStructuredOperator)
@lx.materialise.register(TransposedOperator)
def _materialise(operator):
    return lx.MatrixLinearOperator(operator.as_matrix())


@lx.diagonal.register(AbstractStructuredOperator)
@lx.diagonal.register(TransposedOperator)
def _diagonal(operator):
    return jnp.diagonal(operator.as_matrix())


@lx.tridiagonal.register(AbstractStructuredOperator)
@lx.tridiagonal.register(TransposedOperator)
def _tridiagonal(operator):
    matrix = operator.as_matrix()
    return jnp.diagonal(matrix), jnp.diagonal(matrix, offset=-1), jnp.diagonal(matrix, offset=1)
