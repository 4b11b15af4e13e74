"""A random matrix that is never stored: its rows are drawn again, block by block, in every product."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from .base import AbstractStructuredOperator

__all__ = ["RedrawnMatrix"]

ENTRIES = ("gaussian", "signs")

# Numbers drawn at a time: a block of a megabyte stays in a core's second-level cache between being drawn and used.
_BLOCK = 1 << 18


def draw_rows(
    key: Key[Array, ""], groups: Int[Array, " count"], rows: Int[Array, " count"], columns: int, entries: str
) -> Float[Array, "count columns"]:
    """Independent random rows, each a function of the key, its group and its number in the group alone.

    So a matrix of groups of rows (one group per snapshot of an instrument, one row per sensor) has the same entries
    whatever the number of groups and rows around them, and in whatever blocks it is drawn.
    """
    draw = draws.signs if entries == "signs" else draws.normal

    def row(group, number):
        return draw(draws.fold_in(draws.fold_in(key, group), number), (columns,))

    return jax.vmap(row)(groups, rows)


class RedrawnMatrix(AbstractStructuredOperator):
    r"""A matrix of `groups * rows` independent random rows of length `columns`, kept as one random key.

    $$A = \begin{pmatrix} A_1 \\ \vdots \\ A_p \end{pmatrix}, \qquad
      A x = (A_l x)_{l}, \qquad A^\top z = \sum_l A_l^\top z_l,$$

    where both products draw a megabyte of rows at a time, use them, and forget them. Memory is that of the vectors, so
    an instrument with a billion mask entries fits a laptop; time is that of the draws, and `"signs"`, which take one
    random bit each, cost a small fraction of `"gaussian"` entries. Under `jax.vmap` with one key the draws are shared
    and the products become matrix-matrix products.

    - `key`: the random key.
    - `groups`, `rows`: numbers of groups and of rows in each; entries do not depend on them.
    - `columns`: length of a row.
    - `entries`: law of the entries, all of mean 0 and variance 1: `"gaussian"` or `"signs"`.

    **Raises:** `ValueError` for a size below one or an unknown law.
    """

    key: Key[Array, ""]
    groups: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)
    columns: int = eqx.field(static=True)
    entries: str = eqx.field(static=True)
    dtype: np.dtype | None = eqx.field(static=True)

    def __init__(self, key: Key[Array, ""], groups: int, rows: int, columns: int, entries: str = "signs"):
        for name, value in {"groups": groups, "rows": rows, "columns": columns}.items():
            if value < 1:
                raise ValueError(f"RedrawnMatrix: `{name}` is {value}; an integer of at least 1 is allowed.")
        if entries not in ENTRIES:
            raise ValueError(f"RedrawnMatrix: `entries` is {entries!r}; allowed: {', '.join(ENTRIES)}.")
        self.key = key
        self.groups, self.rows, self.columns = int(groups), int(rows), int(columns)
        self.entries = entries
        # The draws have JAX's default precision, which the key does not tell.
        self.dtype = np.dtype(jnp.zeros(()).dtype)

    def mv(self, vector: Float[Array, " columns"]) -> Float[Array, " rows"]:
        """The product with the matrix; one block of rows after another."""

        def product(numbers):
            return self._block(numbers, vector.dtype) @ vector

        return jax.lax.map(product, self._numbers()).reshape(-1)[: self.out_size()]

    def transpose_mv(self, vector: Float[Array, " rows"]) -> Float[Array, " columns"]:
        """The product with the transposed matrix, accumulated over blocks of rows."""
        numbers = self._numbers()
        # Surplus rows of the last block weigh nothing.
        weights = jnp.pad(vector, (0, numbers.size - self.out_size())).reshape(numbers.shape)

        def accumulate(total, block):
            return total + block[1] @ self._block(block[0], vector.dtype), None

        zero = jnp.zeros(self.columns, vector.dtype)
        return jax.lax.scan(accumulate, zero, (numbers, weights))[0]

    def as_matrix(self) -> Float[Array, "rows columns"]:
        """The dense matrix, for those who can afford it."""
        return self._block(jnp.arange(self.out_size(), dtype=jnp.int32), self.dtype)

    def in_size(self) -> int:
        """The length of a row."""
        return self.columns

    def out_size(self) -> int:
        """The number of rows of all groups."""
        return self.groups * self.rows

    def _numbers(self) -> Int[Array, "blocks block"]:
        """Row numbers in equal blocks."""
        block = min(self.out_size(), max(1, _BLOCK // self.columns))
        blocks = math.ceil(self.out_size() / block)
        return jnp.arange(blocks * block, dtype=jnp.int32).reshape(blocks, block)

    def _block(self, numbers: Int[Array, " block"], dtype) -> Float[Array, "block columns"]:
        return draw_rows(self.key, numbers // self.rows, numbers % self.rows, self.columns, self.entries).astype(dtype)
