"""Known entries of a matrix, as people have them."""

import numpy as np

from ..core.data import as_data, as_mask, is_sparse, refuse_complex, require_finite


def known_entries(owner: str, matrix, known) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """Rows, columns and values of what is known of a matrix, row by row, and its shape.

    **Arguments:**

    - `owner`: for messages.
    - `matrix`, `known`: as of `MatrixSensingProblem.of_entries`.

    **Raises:** `ValueError` when shapes do not fit, a known entry is not finite or none is known; `TypeError` for complex data and
    for what is no array of numbers.
    """
    if is_sparse(matrix) and hasattr(matrix, "tocoo"):
        if known is not None:
            raise ValueError(
                f"{owner}: `known` is given with a sparse matrix, whose stored entries are the known ones."
            )
        refuse_complex(owner, "matrix", matrix.dtype)
        entries = matrix.tocoo()
        rows, columns, values, shape = entries.row, entries.col, np.asarray(entries.data, np.float64), entries.shape
    else:
        if isinstance(matrix, np.ma.MaskedArray) and known is None:
            known, matrix = ~np.ma.getmaskarray(matrix), np.ma.getdata(matrix)
        entries = np.asarray(as_data(owner, "matrix", matrix, "rows columns", finite=False))
        if known is None:
            raise ValueError(
                f"{owner}: `known` is None; truth values of shape {entries.shape} are needed with an array."
            )
        mask = np.asarray(as_mask(owner, "known", known, entries.shape))
        rows, columns = np.nonzero(mask)
        values, shape = entries[rows, columns].astype(np.float64), entries.shape
    if not len(values):
        raise ValueError(f"{owner}: `known` is false everywhere; at least one known entry is allowed.")
    require_finite(owner, "matrix", values)
    return rows.astype(np.int64), columns.astype(np.int64), values, (int(shape[0]), int(shape[1]))
