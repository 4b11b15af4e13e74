"""Blind calibration: what a solver may see of an instrument with unknown gains, and what it answers."""

import equinox as eqx
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Bool, Float, Int

from ..core.data import as_data, in_dtype, in_one_dtype, number
from ..core.fields import Real, integer, leaf
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask
from ..core.units import Units, exact_unit_of, largest, unit_of
from ..operators.given import given_operator, is_operator
from ..operators.norms import entry_size
from ..operators.weighted_columns import WeightedColumns

__all__ = ["Calibration", "CalibrationProblem"]


# Sizes of entries that count as one.
_ORDINARY = (0.7, 1.5)


class Calibration(eqx.Module):
    """A signal and the gains of the sensors that saw it: an estimate, or the truth.

    Both are defined up to one factor: `(x, g)` and `(x / c, c g)` explain the same data. Gains of padded sensors are
    zero.
    """

    signal: Float[Array, " dimension"]
    gains: Float[Array, " sensors"]

    def unit_mean(self, sensors: Int[Array, ""]) -> "Calibration":
        """The equivalent pair whose gains have mean one over the first `sensors` sensors."""
        mean = jnp.sum(self.gains) / sensors.astype(self.gains.dtype)
        scale = jnp.where(mean == 0, 1, mean)
        return Calibration(self.signal * scale, self.gains / scale)


class CalibrationProblem(AbstractProblem):
    r"""Snapshots of one signal by sensors of unknown gain.

    $$y_l = \operatorname{diag}(g)\, A_l\, x + \nu_l \in \mathbb{R}^m, \qquad l = 1, \dots, p,$$

    with known $A_l$, rows of identity covariance, and gains of mean one. Build one from your own data with
    `CalibrationProblem(A, y)`; `recover.models.BlindCalibration` builds its own in `observe`.

    Subspace priors are optional. With `basis` the unknown is the vector of coordinates $z$ in $x = Z z$, the operator
    acts on coordinates, and the first `signal_dimension` of them are known to hold the signal. With `gain_basis` the
    gains lie in the span of the first `gain_dimension` of its orthonormal columns.

    Snapshots from `snapshots` on and sensors from `sensors` on are padding: their observations are zero and products
    are masked, so inner products need no mask of their own; means divide by `sensors` or `count`. The `oracle` holds the
    true gains where they are known besides (`known_gains`).
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, "snapshots sensors"]
    snapshots: Int[Array, ""] = integer(1, most="_rows", meaning="")
    sensors: Int[Array, ""] = integer(1, most="_columns", meaning="")
    gain_spread: Real | None = leaf(rule="decay")
    basis: Float[Array, "dimension dimension"] | None
    signal_dimension: Int[Array, ""] | None = integer(1, most="dimension", meaning="")
    gain_basis: Float[Array, "sensors width"] | None
    gain_dimension: Int[Array, ""] | None = integer(1, most="_gain_width", meaning="")

    def __init__(
        self,
        operator,
        observations,
        *,
        snapshots=None,
        sensors=None,
        gain_spread=None,
        basis=None,
        signal_dimension=None,
        gain_basis=None,
        gain_dimension=None,
        known_gains=None,
    ):
        r"""**Arguments:**

        - `operator`: the sensing matrices as one array of shape (snapshots, sensors, dimension), or a lineax operator
          from vectors of length dimension to vectors of length snapshots × sensors, snapshot after snapshot.
        - `observations`: shape (snapshots, sensors).
        - `snapshots`, `sensors`: how many leading snapshots and sensors are data; all of them by default.
        - `gain_spread`: a bound on $\max_i |g_i - 1|$, below one, where it is known; solvers then project on it.
        - `basis`, `signal_dimension`: orthonormal matrix $Z$ and how many of its columns span the signals.
        - `gain_basis`, `gain_dimension`: orthonormal columns $B$ (the first is constant) and how many span the gains.
        - `known_gains`: the gains, where the instrument has also been calibrated by other means. Blind solvers never
          read them; the oracle that they are compared with does.

        **Raises:** `ValueError` when shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        observations = as_data(owner, "observations", observations, "snapshots sensors")
        if is_operator(operator):
            operator = given_operator(owner, "operator", operator)
        else:
            matrices = as_data(owner, "operator", operator, "...")
            if matrices.ndim != 3 or matrices.shape[:2] != observations.shape or 0 in matrices.shape:
                raise ValueError(
                    f"{owner}: `operator` has shape {matrices.shape}; (snapshots, sensors, dimension) with the "
                    f"{observations.shape} of `observations` is allowed."
                )
            matrices, observations = in_one_dtype(owner, operator=matrices, observations=observations)
            operator = lx.MatrixLinearOperator(matrices.reshape(observations.size, -1))
        if operator.out_size() != observations.size:
            raise ValueError(
                f"CalibrationProblem: `operator` maps to {operator.out_size()} values, but `observations` has "
                f"{observations.size} entries; the two must agree."
            )
        dtype = operator.out_structure().dtype
        rows, columns = observations.shape
        self.operator = operator
        self.observations = in_dtype(owner, "observations", observations, dtype)
        self.snapshots = rows if snapshots is None else snapshots
        self.sensors = columns if sensors is None else sensors
        self.gain_spread = number(owner, "gain_spread", gain_spread, "decay", dtype)
        self.basis = _matrix("basis", basis, operator.in_size(), dtype)
        self.gain_basis = _matrix("gain_basis", gain_basis, columns, dtype)
        self.signal_dimension = _width(self.basis, signal_dimension)
        self.gain_dimension = _width(self.gain_basis, gain_dimension)
        self.oracle = _gains(owner, known_gains, columns, dtype)

    @property
    def _rows(self) -> int:
        return self.observations.shape[0]

    @property
    def _columns(self) -> int:
        return self.observations.shape[1]

    @property
    def _gain_width(self) -> int | None:
        return None if self.gain_basis is None else self.gain_basis.shape[1]

    @property
    def dimension(self) -> int:
        """Number of coordinates of the unknown signal (static)."""
        return self.operator.in_size()

    @property
    def known_gains(self) -> Float[Array, " sensors"] | None:
        """The gains, where the instrument has also been calibrated by other means: the `oracle`."""
        return self.oracle

    @property
    def sensor_mask(self) -> Bool[Array, " sensors"]:
        """Which sensors are data."""
        return row_mask(self.sensors, self._columns)

    @property
    def mask(self) -> Bool[Array, "snapshots sensors"]:
        """Which observations are data."""
        return row_mask(self.snapshots, self._rows)[:, None] & self.sensor_mask[None, :]

    @property
    def count(self) -> Float[Array, ""]:
        """The number of observations that are data, $m p$, as a real number."""
        return (self.sensors * self.snapshots).astype(self.observations.dtype)

    def forward(self, x: Calibration) -> Float[Array, "snapshots sensors"]:
        r"""The snapshots $\operatorname{diag}(g) A_l x$ of a signal by sensors of given gains, zero where padded."""
        coordinates = x.signal if self.basis is None else self.basis.T @ x.signal
        return x.gains[None, :] * self.products(coordinates)

    def products(self, coordinates: Float[Array, " dimension"]) -> Float[Array, "snapshots sensors"]:
        """The products of all sensing matrices with the coordinates of a signal, zero where padded."""
        return jnp.where(self.mask, self.operator.mv(coordinates).reshape(self.observations.shape), 0)

    def back_projection(self, values: Float[Array, "snapshots sensors"]) -> Float[Array, " dimension"]:
        r"""The transpose of `products`, $\sum_l A_l^\top v_l$, for values that are zero where padded."""
        return self.operator.T.mv(values.reshape(-1))

    def signal(self, coordinates: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
        """The signal that has these coordinates."""
        return coordinates if self.basis is None else self.basis @ coordinates

    def units(self) -> Units:
        """The size of the entries of the sensing matrices, which should be one, and a power of two near the largest observation."""
        size = entry_size(self.operator)
        operator = jnp.ones((), self.observations.dtype) if size is None else exact_unit_of(size, *_ORDINARY)
        return Units(operator, unit_of(largest(self.observations)))

    def in_units(self, units: Units, columns: bool) -> "CalibrationProblem":
        """Observations and sensing matrices in `units`."""
        changed = (WeightedColumns(self.operator, 1 / units.operator), self.observations / units.observations)
        return eqx.tree_at(lambda problem: (problem.operator, problem.observations), self, changed)

    def restored(self, value: Calibration, units: Units) -> Calibration:
        """The signal in the units of the data as they were given; gains have none."""
        return Calibration(units.times(value.signal, -1, 1), value.gains)

    def unrestored(self, value: Calibration, units: Units) -> Calibration:
        """The inverse of `restored`."""
        return Calibration(units.times(value.signal, 1, -1), value.gains)


def _gains(owner: str, gains, sensors: int, dtype):
    if gains is None:
        return None
    found = as_data(owner, "known_gains", gains, "...")
    if found.shape != (sensors,):
        raise ValueError(f"{owner}: `known_gains` has shape {found.shape}; ({sensors},), one per sensor, is allowed.")
    return in_dtype(owner, "known_gains", found, dtype)


def _width(basis: Float[Array, "rows columns"] | None, wanted):
    """How many columns of a basis span the prior: all of them by default, and `None` where there is no basis."""
    return basis.shape[1] if basis is not None and wanted is None else wanted


def _matrix(name: str, value, rows: int, dtype):
    if value is None:
        return None
    matrix = in_dtype("CalibrationProblem", name, as_data("CalibrationProblem", name, value, "rows columns"), dtype)
    if matrix.shape[0] != rows or matrix.shape[1] > rows:
        raise ValueError(
            f"CalibrationProblem: `{name}` has shape {matrix.shape}; {rows} rows and at most as many columns are allowed."
        )
    if name == "basis" and matrix.shape[1] != rows:
        raise ValueError(f"CalibrationProblem: `basis` has shape {matrix.shape}; ({rows}, {rows}) is allowed.")
    return matrix
