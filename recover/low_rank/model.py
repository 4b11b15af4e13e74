"""Low-rank matrices seen through linear measurements, some of them grossly wrong."""

import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Real, Size, choice, count, leaf, size
from ..core.linalg import qr
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.numbers import norm, ratio
from ..core.sizes import capacity, row_mask
from ..operators.sampled_coordinates import SampledCoordinates
from ..operators.symmetric import symmetric_coordinates, symmetric_size
from .problem import MatrixSensingProblem

__all__ = ["MatrixSensing"]


class MatrixSensing(AbstractModel[Array, MatrixSensingProblem, Array]):
    r"""$y_i = \langle A_i, X_\star \rangle + s_i$ with $X_\star$ of rank $r$ and perturbations $s_i$ that may be outliers.

    $X_\star = V \operatorname{diag}(\sigma) V^\top$ is a positive semidefinite $d \times d$ matrix with Haar distributed $V$
    and $\sigma$ evenly spaced from 1 to $1/\kappa$; with `columns` given it is $V \operatorname{diag}(\sigma) W^\top$ of shape
    $d \times$ `columns`. Perturbations are

    $$s_i = \sigma_g g_i + b_i o_i, \qquad b_i \sim \mathrm{Bernoulli}(p), \quad g_i \sim N(0, 1), \quad o_i \sim N(0, \tau^2).$$

    Measurements are not normalised by $1/\sqrt m$: losses are means over measurements. `samples`, `rank`, the
    perturbations and the condition number are traced; `dimension` and the kinds are static. An estimate is the matrix, not a
    factor, which quotients out the rotations of factors.

    **Arguments:**

    - `dimension`: number $d$ of rows of the matrix, and of its columns unless `columns` is given.
    - `rank`: rank $1 \le r \le d$.
    - `samples`: number $m \ge 1$ of measurements.
    - `corruption`: probability $p$ that a measurement is an outlier.
    - `outlier_scale`: $\tau$, in units of the largest singular value of the matrix.
    - `noise`: standard deviation $\sigma_g$ of the noise in every measurement.
    - `condition_number`: $\kappa \ge 1$, the largest over the smallest nonzero singular value.
    - `columns`: number of columns of a matrix that is not symmetric.
    - `measurements`: `"gaussian"`, independent standard normal entries of $A_i$; `"rank_one"`, $A_i = a_i a_i^\top$ (or
      $a_i b_i^\top$) with standard normal vectors; `"entries"`, distinct uniformly random entries, in coordinates in
      which the mean square of a measurement is that of a Gaussian one (matrix completion).
    - `outliers`: law of an outlier: `"gaussian"` $N(0, \tau^2)$, or `"positive"`, its absolute value.

    **Raises:** `ValueError` for an impossible size, share or name.
    """

    dimension: int = count(1)
    rank: Size = size(1, most="smaller_side")
    samples: Size = size(1, most="_most_samples", meaning="the number of entries")
    corruption: Real = leaf(0.0, "closed probability")
    outlier_scale: Real = leaf(10.0, "nonnegative")
    noise: Real = leaf(0.0, "standard deviation")
    condition_number: Real = leaf(1.0, "at least one")
    columns: int | None = count(1, default=None)
    measurements: str = choice("gaussian", "rank_one", "entries")
    outliers: str = choice("gaussian", "positive")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix."""
        return self.dimension, self.dimension if self.columns is None else self.columns

    @property
    def smaller_side(self) -> int:
        """The largest rank that there can be."""
        return min(self.shape)

    @property
    def _coordinates(self) -> int:
        return symmetric_size(self.dimension) if self.columns is None else self.dimension * self.columns

    @property
    def _most_samples(self) -> int | None:
        return self._coordinates if self.measurements == "entries" else None

    def design(self, key: Key[Array, ""]):
        """The measurements, of shape (capacity of `samples`, coordinates); the observed coordinates for `"entries"`."""
        rows = capacity(self, "samples")
        match self.measurements:
            case "gaussian":
                # In symmetric coordinates the symmetric part of a Gaussian matrix is a standard normal vector.
                return draws.normal(key, (rows, self._coordinates))
            case "rank_one":
                key_left, key_right = draws.split(key)
                left = draws.normal(key_left, (rows, self.dimension))
                if self.columns is None:
                    return symmetric_coordinates(left[:, :, None] * left[:, None, :])
                right = draws.normal(key_right, (rows, self.columns))
                return (left[:, :, None] * right[:, None, :]).reshape(rows, -1)
            case _:
                order = draws.random_order(key, self._coordinates)
                # A capacity may exceed the number of entries: the surplus rows are masked in `observe`.
                return jnp.pad(order, (0, max(0, rows - len(order))))[:rows]

    def observe(self, key: Key[Array, ""], design: Array) -> tuple[MatrixSensingProblem, Float[Array, "rows columns"]]:
        """A low-rank matrix and its perturbed measurements; the truth is the matrix."""
        rows = capacity(self, "samples")
        key_truth, key_chosen, key_value, key_noise = draws.split(key, 4)
        truth = self._matrix(key_truth)
        dtype = truth.dtype
        if self.measurements == "entries":
            operator = SampledCoordinates(design, self._coordinates, dtype=dtype)
        else:
            operator = lx.MatrixLinearOperator(design)
        mask = row_mask(self.samples, rows).astype(dtype)
        # The mask multiplies vectors, not the matrix, so that lanes with different sizes still share one product.
        operator = lx.DiagonalLinearOperator(mask) @ operator
        outliers = draws.normal(key_value, (rows,))
        if self.outliers == "positive":
            outliers = jnp.abs(outliers)
        corrupted = draws.uniform(key_chosen, (rows,)) < self.corruption
        perturbation = jnp.where(corrupted, self.outlier_scale * outliers, 0)
        perturbation = mask * (perturbation + self.noise * draws.normal(key_noise, (rows,)))
        coordinates = symmetric_coordinates(truth) if self.columns is None else truth.reshape(-1)
        problem = MatrixSensingProblem(
            operator,
            operator.mv(coordinates) + perturbation,
            samples=self.samples,
            shape=self.shape,
            symmetric=self.columns is None,
            loss_at_truth=jnp.sum(jnp.abs(perturbation)) / self.samples.astype(dtype),
        )
        return problem, truth

    def _matrix(self, key) -> Float[Array, "rows columns"]:
        width = min(capacity(self, "rank"), self.smaller_side)
        key_left, key_right = draws.split(key)
        index = jnp.arange(width, dtype=jnp.int32)
        # Leading columns of Q depend on leading columns of the Gaussian matrix alone, so a larger capacity adds nothing.
        left = qr(draws.normal(key_left, (width, self.dimension)).T)[0]
        dtype = left.dtype
        position = index.astype(dtype) / jnp.maximum(self.rank - 1, 1).astype(dtype)
        values = 1 + (1 / self.condition_number - 1) * position
        values = jnp.where(index < self.rank, values, 0)
        right = left if self.columns is None else qr(draws.normal(key_right, (width, self.columns)).T)[0]
        return (left * values[None, :]) @ right.T

    def error(self, truth: Float[Array, "rows columns"], estimate: Float[Array, "rows columns"]) -> Float[Array, ""]:
        r"""$\|\hat X - X_\star\|_F / \|X_\star\|_F$; factors that differ by a rotation have the same product."""
        return relative_error(truth, estimate)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        r"""`alignment`: $\langle \hat X, X_\star \rangle / (\|\hat X\|_F \|X_\star\|_F)$, zero for a zero estimate."""
        return {"alignment": ratio(jnp.sum(truth * estimate), norm(truth) * norm(estimate))}
