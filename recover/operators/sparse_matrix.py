"""A sparse matrix as an operator, which is never made dense."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.data import in_dtype
from ..core.leaves import floating_dtype, is_concrete
from .base import AbstractStructuredOperator, as_dtype

__all__ = ["SparseMatrix"]


class SparseMatrix(AbstractStructuredOperator):
    r"""The matrix with $A_{r_e c_e} = \sum_e a_e$: a value and its place per entry that is stored, entries of one place summed.

    A product takes time and memory in proportion to the number of stored entries. `recover.LinearProblem` makes one of a sparse
    matrix of SciPy or JAX; `SparseMatrix.of` does so by hand. What needs the whole matrix (`as_matrix`) gets it dense.
    """

    values: Float[Array | np.ndarray, " entries"]
    rows: Int[Array | np.ndarray, " entries"]
    columns: Int[Array | np.ndarray, " entries"]
    shape: tuple[int, int] = eqx.field(static=True)
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        if not self.values.shape == self.rows.shape == self.columns.shape or self.values.ndim != 1:
            raise ValueError(
                f"SparseMatrix: `values`, `rows` and `columns` have shapes {self.values.shape}, {self.rows.shape} and "
                f"{self.columns.shape}; vectors of one length are allowed."
            )
        for name, indices, size in zip(("rows", "columns"), (self.rows, self.columns), self.shape, strict=True):
            if is_concrete(indices) and indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < size:
                raise ValueError(
                    f"SparseMatrix: `{name}` holds indices from {int(indices.min())} to {int(indices.max())}; 0 to "
                    f"{size - 1} are allowed."
                )

    @staticmethod
    def of(matrix) -> "SparseMatrix":
        """The operator of a sparse matrix of SciPy, or of a BCOO or BCSR matrix of JAX without batch or dense axes.

        Entries of one place are summed, those out of bounds (which is how JAX pads) are dropped. Half precision becomes
        single, integers become floats.

        **Raises:** `ValueError` for another number of axes.
        """
        if len(matrix.shape) != 2:
            raise ValueError(f"SparseMatrix: `matrix` has shape {tuple(matrix.shape)}; a matrix has two axes.")
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        if hasattr(matrix, "tocoo"):
            entries = matrix.tocoo(copy=True)
            entries.sum_duplicates()
            values, rows, columns = entries.data, entries.row, entries.col
        else:
            entries = matrix.to_bcoo() if hasattr(matrix, "to_bcoo") else matrix
            if entries.n_batch or entries.n_dense:
                raise ValueError(
                    "SparseMatrix: `matrix` has batch or dense axes; a matrix all of whose axes are sparse is allowed."
                )
            entries = entries.sum_duplicates(nse=entries.nse)
            # A place in bounds for what pads, whose value is zero.
            inside = jnp.all(entries.indices < jnp.asarray([shape], entries.indices.dtype), axis=1)
            values = jnp.where(inside, entries.data, jnp.zeros((), entries.data.dtype))
            rows, columns = jnp.where(inside[:, None], entries.indices, 0).T
        values = in_dtype("SparseMatrix", "matrix", values, floating_dtype(values))
        return SparseMatrix(values, jnp.asarray(rows, jnp.int32), jnp.asarray(columns, jnp.int32), shape)

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        r"""$(A x)_i = \sum_{e : r_e = i} a_e x_{c_e}$."""
        products = self.values.astype(vector.dtype) * vector[self.columns]
        return jnp.zeros(self.shape[0], vector.dtype).at[self.rows].add(products)

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        r"""$(A^\top z)_j = \sum_{e : c_e = j} a_e z_{r_e}$."""
        products = self.values.astype(vector.dtype) * vector[self.rows]
        return jnp.zeros(self.shape[1], vector.dtype).at[self.columns].add(products)

    def as_matrix(self) -> Float[Array, "rows columns"]:
        """The dense matrix."""
        values = self.values.astype(self.out_structure().dtype)
        return jnp.zeros(self.shape, values.dtype).at[self.rows, self.columns].add(values)

    def in_size(self) -> int:
        """The number of columns."""
        return self.shape[1]

    def out_size(self) -> int:
        """The number of rows."""
        return self.shape[0]
