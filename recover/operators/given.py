"""Operators as people give them, checked at the door of a problem."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
from jaxtyping import Array

from ..core.data import (
    as_data,
    in_dtype,
    in_one_dtype,
    is_sparse,
    refuse_complex,
    require_finite,
    require_same_labels,
    shown,
)
from .sparse_matrix import SparseMatrix


def is_operator(value) -> bool:
    """Whether a value is a lineax operator or a sparse matrix, rather than an array."""
    return isinstance(value, lx.AbstractLinearOperator) or is_sparse(value)


def given_operator(owner: str, name: str, operator, complex_allowed: bool = False) -> lx.AbstractLinearOperator:
    """An operator between vectors, in single precision at least; sparse matrices, which are real, as `SparseMatrix`.

    **Raises:** `TypeError` for complex data, or half precision that cannot be converted; `ValueError` for an operator between
    other things than vectors, or one with an entry that is not finite.
    """
    if is_sparse(operator):
        refuse_complex(owner, name, operator.dtype)
        operator = SparseMatrix.of(operator)
    if isinstance(operator, lx.MatrixLinearOperator):
        if not complex_allowed:
            refuse_complex(owner, name, operator.matrix.dtype)
        (matrix,) = in_one_dtype(owner, **{name: operator.matrix})
        operator = lx.MatrixLinearOperator(matrix, operator.tags)
    structures = operator.in_structure(), operator.out_structure()
    for each in structures:
        if not isinstance(each, jax.ShapeDtypeStruct) or len(each.shape) != 1:
            shape = getattr(each, "shape", shown(each))
            raise ValueError(
                f"{owner}: `{name}` is between {shape} and others; an operator between vectors is allowed."
            )
        if not complex_allowed:
            refuse_complex(owner, name, each.dtype)
        if jnp.finfo(each.dtype).bits < 32:
            raise TypeError(f"{owner}: `{name}` is {each.dtype}; an operator of single or double precision is allowed.")
    for leaf in jtu.tree_leaves(operator):
        if hasattr(leaf, "dtype"):
            require_finite(owner, name, leaf)
    return operator


def given_data(
    owner: str, operator, observations, complex_allowed: bool = False
) -> tuple[lx.AbstractLinearOperator, Array]:
    """An operator and observations of it in one dtype, which is the operator's where it is more than an array.

    **Raises:** `ValueError` where shapes or labels do not fit or entries are not finite, `TypeError` for what is no data.
    """
    require_same_labels(owner, "operator", operator, "observations", observations)
    observations = as_data(owner, "observations", observations, "rows", complex_allowed=complex_allowed)
    if is_operator(operator):
        operator = given_operator(owner, "operator", operator, complex_allowed)
    else:
        matrix = as_data(owner, "operator", operator, "...", complex_allowed=complex_allowed)
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise ValueError(
                f"{owner}: `operator` has shape {matrix.shape}; a matrix has two axes, neither of them empty."
            )
        matrix, observations = in_one_dtype(owner, operator=matrix, observations=observations)
        operator = lx.MatrixLinearOperator(matrix)
    structure = operator.out_structure()
    if observations.shape != structure.shape:
        raise ValueError(
            f"{owner}: `observations` has shape {observations.shape}, but the operator maps to {structure.shape}; the two "
            "must be the same vector shape."
        )
    if not jnp.issubdtype(structure.dtype, jnp.complexfloating):
        # Of a real operator that is more than an array.
        refuse_complex(owner, "observations", observations.dtype)
    return operator, in_dtype(owner, "observations", observations, structure.dtype)
