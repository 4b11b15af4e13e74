"""Iteratively reweighted least squares for the log-determinant of a matrix of which some entries are known."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.fields import Real, Size, count, leaf, size
from ..core.linalg import cholesky, cholesky_solve, svd
from ..core.numbers import ratio
from ..core.sizes import row_mask
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .completion import AbstractCompletionSolver, search_width
from .completion_problem import MatrixCompletionProblem

__all__ = ["MatrixIRLS"]

# What is added to the diagonal of kernels, in units of its largest entry and of the precision, and steps that correct for it.
_JITTER, _REFINEMENTS = 450, 2


class IRLSState(eqx.Module):
    """The matrix, its smoothing, and the progress."""

    x: Float[Array, "rows columns"]
    smoothing: Float[Array, ""]
    progress: Progress


class MatrixIRLS(AbstractCompletionSolver[MatrixCompletionProblem, IRLSState]):
    r"""Weighted least squares for $\sum_k \log \max(\sigma_k(X), \varepsilon)$ subject to $P_\Omega(X) = Y$.

    With the singular value decomposition $U S V^\top$ of $X$ and $\varepsilon \leftarrow \min(\varepsilon, \sigma_{r+1}(X))$, a step
    minimises $\langle X, W(X) \rangle$ with $W^{-1}(Z) = Q_1 Z Q_2$,

    $$Q_1 = U \max(S, \varepsilon) U^\top, \qquad Q_2 = V \max(S, \varepsilon) V^\top,$$

    where directions without a singular value get $\varepsilon$. The minimiser is that of a Gaussian process whose rows and columns have
    these covariances, $X = Q_1\, Z\, Q_2$ with $Z$ zero outside of $\Omega$ and $K z = y$ there,
    $K_{(ij),(kl)} = (Q_1)_{ik} (Q_2)_{jl}$: one Cholesky factorisation of a matrix of order $m$. It needs double precision, since the
    condition of $K$ is that of $(\sigma_1 / \varepsilon)^2$; in single precision it ends at errors of some 1e-3.

    Converged when $\sigma_{r+1}$ over $\sigma_1$, or the relative change of a step, is at most `tolerance`. `rank` is the rank $r$ sought.
    `entries` (static) is the largest number of known entries there may be, the order of $K$; that of all entries where the pattern is
    drawn by a model, which few sizes bear. With more of them the answer is no number.

    Source: Kümmerle and Mayrink Verdun (kummerle2021), Algorithm 1; they solve the same systems by conjugate gradients in the
    tangent space, which suits larger matrices.

    **Raises:** `ValueError` for a rank that is none.
    """

    scaling: ClassVar = Scaling()

    rank: Size = size(1)
    tolerance: Real = leaf(1e-6)
    patience: Int[Array, ""] = leaf(0, "count")
    entries: int | None = count(1, default=None)

    def init(self, problem: MatrixCompletionProblem, key: Key[Array, ""]) -> IRLSState:
        """The data, with zeros in place of what is not known: the minimiser for equal weights."""
        search_width(self, problem)
        y = problem.observations
        return IRLSState(y, jnp.asarray(jnp.inf, y.dtype), Progress.start(y.dtype))

    def step(self, problem: MatrixCompletionProblem, state: IRLSState) -> IRLSState:
        """New weights and the matrix that they give."""
        dtype = state.x.dtype
        left, values, right = svd(state.x)
        largest = values[0]
        # Of a matrix of full rank nothing is beyond the rank.
        tail = jnp.where(row_mask(self.rank, len(values)), 0, values)
        smoothing = jnp.minimum(state.smoothing, jnp.max(tail))
        level = jnp.maximum(ratio(smoothing, largest), jnp.finfo(dtype).eps)
        rows, columns = (_covariance(basis, ratio(values, largest), level) for basis in (left, right.T))
        order = problem.most if self.entries is None else min(self.entries, problem.most)
        entries = jnp.sum(problem.known, dtype=jnp.int32)
        i, j = jnp.nonzero(problem.known, size=order, fill_value=0)
        there = row_mask(entries, order)
        kernel = jnp.where(
            there[:, None] & there[None, :], rows[i[:, None], i[None, :]] * columns[j[:, None], j[None, :]], 0
        )
        jitter = jnp.where(there, _JITTER * jnp.finfo(dtype).eps * jnp.max(jnp.diagonal(kernel)), 1)
        y = jnp.where(entries > order, jnp.nan, jnp.where(there, problem.observations[i, j], 0))
        factor = cholesky(kernel + jnp.diag(jitter))
        weights = cholesky_solve(factor, y)
        # What the jitter holds back of small singular values comes with refinement.
        for _ in range(_REFINEMENTS):
            weights = weights + cholesky_solve(factor, y - kernel @ weights)
        spread = jnp.zeros_like(state.x).at[i, j].add(weights)
        x = rows @ spread @ columns
        progress = state.progress.update(ratio(jnp.max(tail), largest), relative_norm(x - state.x, x))
        return IRLSState(x, smoothing, progress)

    def estimate(self, problem: MatrixCompletionProblem, state: IRLSState) -> Float[Array, "rows columns"]:
        """The matrix, which fits the data; of full rank up to the smoothing."""
        return state.x

    def stats(self, problem: MatrixCompletionProblem, state: IRLSState) -> dict[str, Array]:
        r"""`tail`, the last $\sigma_{r+1} / \sigma_1$, in place of the residual, which is zero."""
        return {"tail": state.progress.residual}


def _covariance(basis: Float[Array, "side width"], values: Float[Array, " width"], level: Float[Array, ""]):
    lifted = jnp.maximum(values, level) - level
    return (basis * lifted[None, :]) @ basis.T + level * jnp.eye(basis.shape[0], dtype=basis.dtype)
