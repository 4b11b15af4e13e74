"""Coded diffraction patterns: Fourier transforms of a masked signal."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Complex, Inexact

from .base import AbstractStructuredOperator, as_dtype

__all__ = ["CodedDiffraction"]


class CodedDiffraction(AbstractStructuredOperator):
    r"""The discrete Fourier transforms of a signal behind several masks, one below the other.

    $$A x = \begin{pmatrix} F (d_1 \odot x) \\ \vdots \\ F (d_L \odot x) \end{pmatrix}, \qquad
      A^* A = n \operatorname{diag} \Big( \sum_l |d_l|^2 \Big),$$

    with the transform $F$ of all axes of a mask, not normalised: entries have the moduli of the mask. A signal is a vector, in the
    order of the entries of a mask. Both products cost $O(L n \log n)$.

    - `masks`: $d_l$, complex, shape `(patterns, *shape of a signal)`.
    - `rows`: how many of the $L n$ rows there are, the first ones; all by default.
    - `dtype`: the dtype announced to lineax; by default that of the masks.

    **Raises:** `ValueError` for masks that are not complex or have less than two axes, or too many rows.

    Source: Candès, Li and Soltanolkotabi (candes2015).
    """

    masks: Complex[Array | np.ndarray, "patterns ..."]
    rows: int | None = eqx.field(static=True, default=None)
    dtype: np.dtype | None = eqx.field(static=True, default=None, converter=as_dtype)

    def __check_init__(self):
        shape, dtype = self.masks.shape, self.masks.dtype
        if len(shape) < 2 or 0 in shape or not jnp.issubdtype(dtype, jnp.complexfloating):
            raise ValueError(
                f"`CodedDiffraction(masks=...)` has shape {shape} and dtype {dtype}: allowed is a complex array of at least two "
                "axes, none of them empty."
            )
        most = int(np.prod(shape))
        if self.rows is not None and not 1 <= self.rows <= most:
            raise ValueError(f"`CodedDiffraction(rows={self.rows})`: allowed is an integer from 1 to {most}.")

    def mv(self, vector: Inexact[Array, " columns"]) -> Complex[Array, " rows"]:
        """The patterns of a signal."""
        return self._transformed(self.masks * vector.reshape(1, *self.masks.shape[1:])).reshape(-1)[: self.out_size()]

    def transpose_mv(self, vector: Inexact[Array, " rows"]) -> Complex[Array, " columns"]:
        """The transforms of patterns, masked and added up: the transform is symmetric."""
        full = jnp.pad(vector, (0, self.masks.size - self.out_size())).reshape(self.masks.shape)
        return jnp.sum(self.masks * self._transformed(full), axis=0).reshape(-1)

    def in_size(self) -> int:
        """The number of entries of a mask."""
        return int(np.prod(self.masks.shape[1:]))

    def out_size(self) -> int:
        """The number of rows."""
        return self.masks.size if self.rows is None else self.rows

    def _transformed(self, patterns):
        return jnp.fft.fftn(patterns, axes=tuple(range(1, patterns.ndim)))


@lx.conj.register(CodedDiffraction)
def _conjugate(operator):
    # The conjugate of the transform is that of reversed frequencies, which is no operator of this kind.
    return lx.MatrixLinearOperator(jax.lax.conj(operator.as_matrix()))
