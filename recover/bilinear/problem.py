"""Blind calibration: what a solver may see of an instrument with unknown gains, and what it answers."""

import equinox as eqx
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from ..core.checks import require_integer
from ..core.leaves import floating_dtype, is_concrete
from ..core.sizes import row_mask

__all__ = ["Calibration", "CalibrationProblem"]


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
        safe = jnp.where(mean == 0, 1, mean)
        return Calibration(self.signal * safe, self.gains / safe)


class CalibrationProblem(eqx.Module):
    r"""Snapshots of one signal by sensors of unknown gain.

    $$y_l = \operatorname{diag}(g)\, A_l\, x + \nu_l \in \mathbb{R}^m, \qquad l = 1, \dots, p,$$

    with known $A_l$, rows of identity covariance, and gains of mean one. Build one from your own data with
    `CalibrationProblem(A, y)`; `recover.models.BlindCalibration` builds its own in `observe`.

    Subspace priors are optional. With `basis` the unknown is the vector of coordinates $z$ in $x = Z z$, the operator
    acts on coordinates, and the first `signal_dimension` of them are known to hold the signal. With `gain_basis` the
    gains lie in the span of the first `gain_dimension` of its orthonormal columns.

    Snapshots from `snapshots` on and sensors from `sensors` on are padding: their observations are zero and products
    are masked, so inner products need no mask of their own; means divide by `sensors`.
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, "snapshots sensors"]
    snapshots: Int[Array, ""]
    sensors: Int[Array, ""]
    gain_spread: Float[Array, ""] | None
    basis: Float[Array, "dimension dimension"] | None
    signal_dimension: Int[Array, ""] | None
    gain_basis: Float[Array, "sensors width"] | None
    gain_dimension: Int[Array, ""] | None
    known_gains: Float[Array, " sensors"] | None

    def __init__(
        self,
        operator: lx.AbstractLinearOperator | Shaped[Array | np.ndarray, "..."],
        observations: Shaped[Array | np.ndarray, "..."],
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

        **Raises:** `ValueError` when shapes do not fit or a number is impossible, `TypeError` for complex data.
        """
        observations = jnp.asarray(observations)
        for name, array in {"operator": operator, "observations": observations}.items():
            if hasattr(array, "dtype") and jnp.issubdtype(array.dtype, jnp.complexfloating):
                raise TypeError(f"CalibrationProblem: `{name}` is {array.dtype}; real data is expected.")
        if observations.ndim != 2:
            raise ValueError(
                f"CalibrationProblem: `observations` has shape {observations.shape}; (snapshots, sensors) is allowed."
            )
        if not isinstance(operator, lx.AbstractLinearOperator):
            matrices = jnp.asarray(operator)
            if matrices.ndim != 3 or matrices.shape[:2] != observations.shape:
                raise ValueError(
                    f"CalibrationProblem: `operator` has shape {matrices.shape}; (snapshots, sensors, dimension) with "
                    f"the {observations.shape} of `observations` is allowed."
                )
            dtype = floating_dtype(matrices, observations)
            operator = lx.MatrixLinearOperator(matrices.astype(dtype).reshape(observations.size, -1))
        if operator.out_size() != observations.size:
            raise ValueError(
                f"CalibrationProblem: `operator` maps to {operator.out_size()} values, but `observations` has "
                f"{observations.size} entries; the two must agree."
            )
        if is_concrete(gain_spread) and not 0 <= float(gain_spread) < 1:
            raise ValueError(f"CalibrationProblem: `gain_spread` is {gain_spread}; a number in [0, 1) is allowed.")
        dtype = operator.out_structure().dtype
        rows, columns = observations.shape
        self.operator = operator
        self.observations = observations.astype(dtype)
        self.snapshots = jnp.asarray(_size("snapshots", rows if snapshots is None else snapshots, rows))
        self.sensors = jnp.asarray(_size("sensors", columns if sensors is None else sensors, columns))
        self.gain_spread = None if gain_spread is None else jnp.asarray(gain_spread, dtype)
        self.basis = _matrix("basis", basis, operator.in_size(), dtype)
        self.gain_basis = _matrix("gain_basis", gain_basis, columns, dtype)
        self.signal_dimension = self.gain_dimension = None
        if self.basis is not None:
            width = self.basis.shape[1]
            self.signal_dimension = jnp.asarray(
                _size("signal_dimension", width if signal_dimension is None else signal_dimension, width)
            )
        if self.gain_basis is not None:
            width = self.gain_basis.shape[1]
            self.gain_dimension = jnp.asarray(
                _size("gain_dimension", width if gain_dimension is None else gain_dimension, width)
            )
        self.known_gains = None if known_gains is None else jnp.asarray(known_gains, dtype)

    @property
    def dimension(self) -> int:
        """Number of coordinates of the unknown signal (static)."""
        return self.operator.in_size()

    @property
    def samples(self) -> Float[Array, ""]:
        """The number of observations that are data, m p, as a float."""
        return (self.sensors * self.snapshots).astype(self.observations.dtype)

    @property
    def sensor_mask(self) -> Shaped[Array, " sensors"]:
        """Which sensors are data."""
        return row_mask(self.sensors, self.observations.shape[1])

    def products(self, coordinates: Float[Array, " dimension"]) -> Float[Array, "snapshots sensors"]:
        """A_l x for all snapshots, zero where padded."""
        values = self.operator.mv(coordinates).reshape(self.observations.shape)
        data = row_mask(self.snapshots, values.shape[0])[:, None] & self.sensor_mask[None, :]
        return jnp.where(data, values, 0)

    def adjoint(self, values: Float[Array, "snapshots sensors"]) -> Float[Array, " dimension"]:
        """Sum over snapshots of A_l^T v_l, for values that are zero where padded."""
        return self.operator.T.mv(values.reshape(-1))

    def signal(self, coordinates: Float[Array, " dimension"]) -> Float[Array, " dimension"]:
        """The signal that has these coordinates."""
        return coordinates if self.basis is None else self.basis @ coordinates


def _size(name: str, value, most: int):
    require_integer("CalibrationProblem", name, value, 1, most)
    return value


def _matrix(name: str, value, rows: int, dtype):
    if value is None:
        return None
    matrix = jnp.asarray(value, dtype)
    if matrix.ndim != 2 or matrix.shape[0] != rows or matrix.shape[1] > rows:
        raise ValueError(
            f"CalibrationProblem: `{name}` has shape {matrix.shape}; {rows} rows and at most as many columns are allowed."
        )
    if name == "basis" and matrix.shape[1] != rows:
        raise ValueError(f"CalibrationProblem: `basis` has shape {matrix.shape}; ({rows}, {rows}) is allowed.")
    return matrix
