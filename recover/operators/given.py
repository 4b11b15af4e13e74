"""Operators as people give them, checked at the door of a problem."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx

from ..core.data import in_dtype, is_sparse, refuse_complex, require_finite, shown
from ..core.leaves import floating_dtype
from .sparse_matrix import SparseMatrix


def is_operator(value) -> bool:
    """Whether a value is a lineax operator or a sparse matrix, rather than an array."""
    return isinstance(value, lx.AbstractLinearOperator) or is_sparse(value)


def given_operator(owner: str, name: str, operator) -> lx.AbstractLinearOperator:
    """A real operator between vectors, in single precision at least; sparse matrices as `SparseMatrix`.

    **Raises:** `TypeError` for complex data, or half precision that cannot be converted; `ValueError` for an operator between
    other things than vectors, or one with an entry that is not finite.
    """
    if is_sparse(operator):
        refuse_complex(owner, name, operator.dtype)
        operator = SparseMatrix.of(operator)
    if isinstance(operator, lx.MatrixLinearOperator):
        refuse_complex(owner, name, operator.matrix.dtype)
        matrix = in_dtype(owner, name, operator.matrix, floating_dtype(operator.matrix))
        operator = lx.MatrixLinearOperator(matrix, operator.tags)
    structures = operator.in_structure(), operator.out_structure()
    for each in structures:
        if not isinstance(each, jax.ShapeDtypeStruct) or len(each.shape) != 1:
            shape = getattr(each, "shape", shown(each))
            raise ValueError(
                f"{owner}: `{name}` is between {shape} and others; an operator between vectors is allowed."
            )
        refuse_complex(owner, name, each.dtype)
        if jnp.finfo(each.dtype).bits < 32:
            raise TypeError(f"{owner}: `{name}` is {each.dtype}; an operator of single or double precision is allowed.")
    for leaf in jtu.tree_leaves(operator):
        if hasattr(leaf, "dtype"):
            require_finite(owner, name, leaf)
    return operator
