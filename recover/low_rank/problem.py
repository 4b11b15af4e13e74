"""What a solver may see of a low-rank matrix."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_flag, require_integer
from ..core.data import as_data, as_sizes, in_dtype, in_one_dtype, number
from ..core.numbers import norm, ratio
from ..core.problem import AbstractRowProblem
from ..core.selection import largest_value
from ..core.units import Units, exact_unit_of, largest, unit_of
from ..operators.given import given_operator, is_operator
from ..operators.norms import entry_size
from ..operators.sampled_coordinates import SampledCoordinates
from ..operators.symmetric import symmetric_coordinates, symmetric_matrix, symmetric_size
from ..operators.weighted_columns import WeightedColumns
from .entries import known_entries

__all__ = ["MatrixSensingProblem"]

# Sizes of entries of the measurements, and largest singular values of the truth as estimated, that count as one.
_ORDINARY_ENTRIES, _ORDINARY_NORMS = (0.9, 1.1), (0.7, 2.8)
# The norm of a matrix is found from its Gram matrix to the power of two to this.
_SQUARINGS = 5
# The lowest decile and the median of |z| for a standard normal z, and its mean.
_DECILE, _MEDIAN, _MEAN = 0.12566134685507416, 0.6744897501960817, 0.7978845608028654


class MatrixSensingProblem(AbstractRowProblem):
    r"""Linear observations of an unknown matrix, $y_i = \langle A_i, X \rangle + s_i$.

    The operator acts on *coordinates*: the entries of $X$ row by row, or `symmetric_coordinates` when $X$ is symmetric, so
    that all measurements of many matrices at once are one matrix product. Rows from `samples` on are padding: zero in
    the operator and in the observations. Averages divide by `samples`.

    - `shape`: (rows, columns) of the unknown matrix.
    - `symmetric`: whether it is known to be symmetric positive semidefinite.
    - `oracle`: the mean absolute value of the perturbations $s_i$, which is the $\ell_1$ loss at the truth, where that is
      known (`loss_at_truth`). Only oracle step rules use it.
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, " observations"]
    samples: Int[Array, ""]
    shape: tuple[int, int] = eqx.field(static=True)
    symmetric: bool = eqx.field(static=True)

    def __init__(
        self,
        operator,
        observations,
        *,
        samples=None,
        shape=None,
        symmetric: bool = True,
        loss_at_truth=None,
    ):
        """**Arguments:**

        - `operator`: the matrices A_i as an array of shape (observations, rows, columns), or a lineax operator on
          coordinates (then `shape` is needed).
        - `observations`: vector of shape (observations,).
        - `samples`: how many leading observations are data; the rest must be zero. All of them by default.
        - `symmetric`: whether the unknown matrix is symmetric positive semidefinite. Only the symmetric parts of the
          A_i matter then.
        - `loss_at_truth`: the mean absolute perturbation, where it is known.

        **Raises:** `ValueError` when shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        observations = as_data(owner, "observations", observations, "observations")
        require_flag(owner, "symmetric", symmetric)
        if shape is not None:
            shape = as_sizes(owner, "shape", shape, 2, "(rows, columns) is allowed")
        if is_operator(operator):
            operator = given_operator(owner, "operator", operator)
        else:
            matrices = as_data(owner, "operator", operator, "...")
            if matrices.ndim != 3 or 0 in matrices.shape:
                raise ValueError(
                    f"{owner}: `operator` has shape {matrices.shape}; matrices stacked along the first of three axes are "
                    "allowed."
                )
            if shape not in (None, matrices.shape[1:]):
                raise ValueError(
                    f"{owner}: `shape` is {shape}; {matrices.shape[1:]}, that of the matrices, is allowed."
                )
            shape = matrices.shape[1:]
            matrices, observations = in_one_dtype(owner, operator=matrices, observations=observations)
            square = shape[0] == shape[1]
            rows = symmetric_coordinates(matrices) if symmetric and square else matrices.reshape(len(matrices), -1)
            operator = lx.MatrixLinearOperator(rows)
        if shape is None:
            raise ValueError("MatrixSensingProblem: `shape` is None; (rows, columns) is needed with an operator.")
        if symmetric and shape[0] != shape[1]:
            raise ValueError(
                f"MatrixSensingProblem: `symmetric` is True, but the shape is {tuple(shape)}; a square one is allowed."
            )
        coordinates = symmetric_size(shape[0]) if symmetric else shape[0] * shape[1]
        structure = operator.out_structure()
        if operator.in_size() != coordinates:
            raise ValueError(
                f"MatrixSensingProblem: `operator` takes vectors of size {operator.in_size()}; {coordinates}, the number of "
                f"coordinates of a {'symmetric ' if symmetric else ''}matrix of shape {tuple(shape)}, is allowed."
            )
        if observations.shape != structure.shape:
            raise ValueError(
                f"MatrixSensingProblem: `observations` has shape {observations.shape}; {structure.shape} is allowed."
            )
        samples = observations.shape[0] if samples is None else samples
        require_integer("MatrixSensingProblem", "samples", samples, 1, observations.shape[0])
        self.operator = operator
        self.observations = in_dtype(owner, "observations", observations, structure.dtype)
        self.samples = jnp.asarray(samples)
        self.oracle = number(owner, "loss_at_truth", loss_at_truth, "nonnegative", structure.dtype)
        self.shape = shape
        self.symmetric = symmetric

    @staticmethod
    def of_entries(matrix, known=None, *, symmetric: bool = False, loss_at_truth=None) -> "MatrixSensingProblem":
        r"""Completion of a matrix from the entries that are known of it.

        $$y_i = \sqrt{N}\, c_i\, X_{r_i s_i},$$

        with $N$ the number of coordinates of $X$: what `recover.operators.SampledCoordinates` measures, so that
        $\frac1m \|y\|^2$ estimates $\|X\|_F^2$. $c_i = 1$, and $\sqrt 2$ off the diagonal of a symmetric matrix, of which
        entries on either side of the diagonal may be known, or both.

        **Arguments:**

        - `matrix`: shape (rows, columns): an array with `known`, a masked array, or a sparse matrix of SciPy, whose stored
          entries (also zeros) are the known ones. Entries, not observations: no factor is to be applied.
        - `known`: truth values of the shape of `matrix`; the other entries may hold anything, also NaN.
        - `symmetric`: whether the unknown matrix is symmetric positive semidefinite.
        - `loss_at_truth`: the mean absolute perturbation of the *observations* $y$, where it is known.

        **Raises:** `ValueError` when shapes do not fit, a known entry is not finite or none is known; `TypeError` for complex
        data and for what is no array of numbers.
        """
        owner = "MatrixSensingProblem.of_entries"
        rows, columns, values, shape = known_entries(owner, matrix, known)
        if symmetric and shape[0] != shape[1]:
            raise ValueError(f"{owner}: `symmetric` is True, but the shape is {shape}; a square one is allowed.")
        if symmetric:
            first, second = np.minimum(rows, columns), np.maximum(rows, columns)
            place = first * shape[0] - first * (first - 1) // 2 + second - first
            values = values * np.where(rows == columns, 1.0, np.sqrt(2.0))
        else:
            place = rows * shape[1] + columns
        size = symmetric_size(shape[0]) if symmetric else shape[0] * shape[1]
        (values,) = in_one_dtype(owner, matrix=values * np.sqrt(size))
        operator = SampledCoordinates(jnp.asarray(place, jnp.int32), size, dtype=values.dtype)
        return MatrixSensingProblem(operator, values, shape=shape, symmetric=symmetric, loss_at_truth=loss_at_truth)

    @property
    def rows(self) -> int:
        """Padded number of observations (static); `samples` of them are data."""
        return self.observations.shape[0]

    @property
    def loss_at_truth(self) -> Float[Array, ""] | None:
        """The mean absolute perturbation, where it is known: the `oracle`."""
        return self.oracle

    def forward(self, x: Float[Array, "rows columns"]) -> Float[Array, " observations"]:
        r"""The measurements $\langle A_i, X \rangle$, zero on padding."""
        return self.operator.mv(symmetric_coordinates(x) if self.symmetric else x.reshape(-1))

    def adjoint(self, z: Float[Array, " observations"]) -> Float[Array, "rows columns"]:
        r"""The matrix $\sum_i z_i A_i$, or $\sum_i z_i (A_i + A_i^\top)/2$ for a symmetric problem."""
        coordinates = self.operator.T.mv(z)
        return symmetric_matrix(coordinates, self.shape[0]) if self.symmetric else coordinates.reshape(self.shape)

    def units(self) -> Units:
        r"""The size $c$ of the entries of the $A_i$, and a power of two near the largest singular value of $X$, estimated by

        $$\frac{\mathrm{dec}_i |y_i|}{c\, \mathrm{dec} |z|} \cdot \frac{1}{\mathbb{E} |z|} \Big\| \frac{1}{m c} \sum_i \operatorname{sign}(y_i) A_i \Big\|, \qquad z \sim N(0, 1).$$

        The first factor, by the lowest decile, is for $\|X\|_F$ and the second for the largest singular value of $X / \|X\|_F$, less what
        chance adds to it; gross outliers raise one as much as they lower the other. Published steps for factors presume a truth
        of spectral norm one.

        Where nearly all observations of a symmetric matrix have one sign, as $a_i^\top X a_i$ have, they are no Gaussian ones of it:
        $y_i$ has the mean $\operatorname{tr} X$ and the mean square $(2 + r) \|X\|_F^2$ with $r = (\operatorname{tr} X)^2 / \|X\|_F^2$,
        so that their quartiles say $\|X\|_F$, which is the unit of $X$, and the operator is divided by $\sqrt{2 + r}$. For known entries $c = 1$ and the median serves, since many entries of a matrix are small; other
        measurements that hold no matrix go by the largest observation, which is left as it is over a wide range.
        """
        size, magnitudes = entry_size(self.operator), jnp.abs(self.observations)
        if size is not None:
            level = largest_value(magnitudes, self.samples - self.samples // 10) / _DECILE
        elif _samples_entries(self.operator):
            size, level = (
                jnp.ones_like(self.count),
                largest_value(magnitudes, self.samples - self.samples // 2) / _MEDIAN,
            )
        else:
            return Units(jnp.ones_like(self.count), unit_of(largest(self.observations)))
        operator = exact_unit_of(size, *_ORDINARY_ENTRIES)
        safe = jnp.where(size > 0, size, 1)
        shape = self.adjoint(jnp.sign(self.observations) / self.count) / safe
        truth = unit_of(level / safe * _above_chance(shape, self.symmetric, self.count) / _MEAN, *_ORDINARY_NORMS)
        if self.holds_forms:
            gain, size_of_truth = _of_quadratic_forms(magnitudes, self.samples, safe)
            operator = jnp.where(self.one_sided, gain, operator)
            truth = jnp.where(self.one_sided, size_of_truth, truth)
        return Units(operator, operator * truth)

    @property
    def holds_forms(self) -> bool:
        r"""Whether observations may be quadratic forms $a_i^\top X a_i$: of a symmetric matrix, and not its entries (static)."""
        weighted = isinstance(self.operator, WeightedColumns)
        return self.symmetric and not _samples_entries(self.operator.operator if weighted else self.operator)

    @property
    def one_sided(self) -> Bool[Array, ""]:
        """Whether so many observations have one sign as chance does not explain, fifty or more of them at least."""
        return jnp.abs(jnp.sum(jnp.sign(self.observations))) >= 0.9 * self.count + 5

    def in_units(self, units: Units, columns: bool) -> "MatrixSensingProblem":
        """Observations, operator and what an oracle knows in `units`."""

        def data(problem):
            known = [] if problem.oracle is None else [problem.oracle]
            return [problem.operator, problem.observations, *known]

        known = [] if self.oracle is None else [self.oracle / units.observations]
        operator = WeightedColumns(self.operator, 1 / units.operator)
        return eqx.tree_at(data, self, [operator, self.observations / units.observations, *known])

    def restored(self, value: Float[Array, "rows columns"], units: Units) -> Float[Array, "rows columns"]:
        """The matrix in the units of the data as they were given."""
        return units.times(value, -1, 1)

    def unrestored(self, value: Float[Array, "rows columns"], units: Units) -> Float[Array, "rows columns"]:
        """The inverse of `restored`."""
        return units.times(value, 1, -1)


def _of_quadratic_forms(magnitudes, samples, size) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""The units of the operator and of $X$ for observations $a_i^\top X a_i$ of a positive semidefinite matrix, which is not zero.

    They are distributed as a $\chi^2$ of about $r$ degrees of freedom, whose median is $(1 - 2/(9r))^3$ of its mean (Wilson and
    Hilferty). The range of its quartiles, over the median, decreases with $r$.
    """
    quarter, half, most = (largest_value(magnitudes, samples - samples * part // 4) for part in (1, 2, 3))
    effective = jnp.maximum((1.9 * ratio(half, most - quarter, half)) ** 2 + 0.5, 1)
    trace = half / (1 - 2 / (9 * effective)) ** 3 * 2**0.5 / size
    gain = size * jnp.sqrt((2 + effective) / 2)
    return jax.lax.stop_gradient((gain, jnp.where(trace > 0, trace / jnp.sqrt(effective), 1)))


def _samples_entries(operator: lx.AbstractLinearOperator) -> bool:
    """Whether the operator takes coordinates, some of them perhaps masked."""
    masked = isinstance(operator, lx.ComposedLinearOperator) and isinstance(
        operator.operator1, lx.DiagonalLinearOperator
    )
    return isinstance(operator.operator2 if masked else operator, SampledCoordinates)


def _above_chance(matrix: Float[Array, "rows columns"], symmetric: bool, count: Float[Array, ""]) -> Float[Array, ""]:
    r"""The largest singular value $\theta$ of the signal in a matrix to which the chance of `count` samples adds noise.

    With $e$ the largest singular value of the noise alone, $\lambda = \theta + e^2 / (4 \theta)$ is that of the sum; half of it where
    it is below $e$.
    """
    rows, columns = matrix.shape
    edge = (2 * rows) ** 0.5 if symmetric else rows**0.5 + columns**0.5
    found = _largest_singular_value(matrix)
    return (found + jnp.sqrt(jnp.maximum(found**2 - edge**2 / count, 0))) / 2


def _largest_singular_value(matrix: Float[Array, "rows columns"]) -> Float[Array, ""]:
    """From above, within three per cent for any rank up to ten: the norm of a high power of the Gram matrix."""
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    size = norm(gram)
    powered, found = ratio(gram, size), size
    for squaring in range(1, _SQUARINGS + 1):
        powered = powered @ powered
        size = norm(powered)
        powered, found = ratio(powered, size), found * size ** (0.5**squaring)
    return jnp.sqrt(found)
