"""Blind calibration: one signal, seen through random projections by sensors of unknown gain."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Int, Key, PyTree

from ..core import draws
from ..core.fields import Real, Size, choice, count, integer, leaf, size
from ..core.linalg import qr
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.numbers import squared_norm, unit
from ..core.sizes import capacity, row_mask
from ..operators.redrawn import ENTRIES, RedrawnMatrix, draw_rows
from .problem import Calibration, CalibrationProblem

__all__ = ["BlindCalibration"]


class BlindCalibration(AbstractModel[PyTree, CalibrationProblem, Calibration]):
    r"""$y_l = \operatorname{diag}(g) A_l x + \nu_l \in \mathbb{R}^m$ for snapshots $l = 1, \dots, p$, with unknown $x$ and $g$.

    Every $A_l \in \mathbb{R}^{m \times n}$ is drawn anew with independent entries of mean 0 and variance 1; the signal
    $\|x\| = 1$ and the gains are the same in all snapshots. Gains are $g = 1 + e$ with $\sum_i e_i = 0$ and
    $\max_i |e_i| = \rho$ exactly: centred uniform numbers, rescaled. Data do not change under
    $(x, g) \to (x / c, c g)$, which `error` quotients out.

    Subspace priors: with `signal_dimension` $k$ the signal is a uniformly random unit vector in the span of the first
    $k$ columns of a random orthonormal matrix $Z$; with `gain_dimension` $h$ the gains are random combinations of the
    constant and the $h - 1$ cosines of lowest frequency over the sensors. There are $n + m - 1$ unknowns without priors
    and $k + h - 1$ with both.

    `sensors`, `snapshots`, `gain_spread`, the noise and the dimensions of the priors are traced.

    Source: V. Cambareri and L. Jacques, "Through the haze: a non-convex approach to blind gain calibration for linear random
    sensing models", Information and Inference 8 (2019) (cambareri2018). The law of the gains is a reconstruction.
    """

    dimension: int = count(1)
    sensors: Size = size(1)
    snapshots: Size = size(1)
    gain_spread: Real = leaf(rule="decay")
    noise: Real | None = leaf(rule="standard deviation")
    snr: Real | None = leaf(rule="decibels")
    signal_dimension: Int[Array, ""] | None = integer(1, most="dimension")
    gain_dimension: Size | None = size(1, most="sensors")
    entries: str = choice(*ENTRIES)
    stored: bool = eqx.field(static=True)
    reveal_gains: bool = eqx.field(static=True)
    measure: str = choice("largest", "distance")

    def __init__(
        self,
        dimension: int,
        sensors,
        snapshots,
        gain_spread=0.5,
        noise=None,
        snr=None,
        signal_dimension=None,
        gain_dimension=None,
        entries: str = "gaussian",
        stored: bool = True,
        reveal_gains: bool = False,
        measure: str = "largest",
    ):
        r"""**Arguments:**

        - `dimension`: length $n$ of the signal.
        - `sensors`: number $m \ge 1$ of sensors, each with its own gain.
        - `snapshots`: number $p \ge 1$ of snapshots.
        - `gain_spread`: $\rho = \max_i |g_i - 1|$, in [0, 1).
        - `noise`: standard deviation of the noise in each observation; zero by default.
        - `snr`: instead of `noise`, $20 \log_{10}$ of the norm of the noiseless data over the expected norm of the noise.
        - `signal_dimension`: $1 \le k \le n$ for a subspace prior on the signal.
        - `gain_dimension`: $1 \le h \le m$ for a subspace prior on the gains.
        - `entries`: law of the sensing matrices, `"gaussian"` or `"signs"`.
        - `stored`: whether the matrices are kept, or drawn again from their key in every product (see
          `recover.operators.RedrawnMatrix`; not with a signal prior, whose matrix is multiplied in).
        - `reveal_gains`: whether the problem also holds the gains, for the oracle that blind solvers are compared with.
        - `measure`: `"largest"`, the larger of the relative errors of signal and gains, or `"distance"`, the
          $\sqrt{\Delta} / \|x\|$ in which convergence is proved,
          $\Delta = \|\hat x - x\|^2 + \|x\|^2 \|\hat g - g\|^2 / m$.

        **Raises:** `ValueError` for an impossible number or an unknown name.
        """
        if noise is not None and snr is not None:
            raise ValueError("BlindCalibration: give `noise` (a standard deviation) or `snr` (decibels), not both.")
        self.dimension, self.sensors, self.snapshots = dimension, sensors, snapshots
        self.gain_spread, self.snr = gain_spread, snr
        self.noise = None if snr is not None else 0.0 if noise is None else noise
        self.signal_dimension, self.gain_dimension = signal_dimension, gain_dimension
        self.entries, self.stored = entries, stored
        self.reveal_gains, self.measure = reveal_gains, measure

    def check_together(self):
        """A basis of signals is multiplied into the matrices, which must be stored then."""
        if self.signal_dimension is not None and not self.stored:
            raise ValueError("BlindCalibration: `stored` is False; with `signal_dimension` only True is allowed.")

    def design(self, key: Key[Array, ""]):
        """The sensing matrices, shape (snapshots × sensors, dimension) at capacity, and the signal's basis or `None`.

        With a basis the matrices act on coordinates, $A_l Z$. Without storage the operator holds only the key.
        """
        sensors, snapshots = capacity(self, "sensors"), capacity(self, "snapshots")
        key_matrix, key_basis = draws.split(key)
        if not self.stored:
            return RedrawnMatrix(key_matrix, snapshots, sensors, self.dimension, self.entries), None
        numbers = jnp.arange(snapshots * sensors, dtype=jnp.int32)
        matrix = draw_rows(key_matrix, numbers // sensors, numbers % sensors, self.dimension, self.entries)
        if self.signal_dimension is None:
            return lx.MatrixLinearOperator(matrix), None
        basis = qr(draws.normal(key_basis, (self.dimension, self.dimension)))[0]
        return lx.MatrixLinearOperator(matrix @ basis), basis

    def observe(self, key: Key[Array, ""], design) -> tuple[CalibrationProblem, Calibration]:
        """A signal, gains and their noisy snapshots; the truth is a `Calibration` with gains of mean one."""
        operator, basis = design
        sensors, snapshots = capacity(self, "sensors"), capacity(self, "snapshots")
        key_signal, key_gains, key_noise = draws.split(key, 3)
        coordinates = draws.normal(key_signal, (self.dimension,))
        if self.signal_dimension is not None:
            coordinates = jnp.where(row_mask(self.signal_dimension, self.dimension), coordinates, 0)
        coordinates = unit(coordinates)
        gain_basis = None
        if self.gain_dimension is not None:
            gain_basis = cosine_basis(self.sensors, sensors, capacity(self, "gain_dimension"))
        gains = self._gains(key_gains, gain_basis)
        blind = CalibrationProblem(
            operator,
            jnp.zeros((snapshots, sensors), coordinates.dtype),
            snapshots=self.snapshots,
            sensors=self.sensors,
            gain_spread=self.gain_spread,
            basis=basis,
            signal_dimension=self.signal_dimension,
            gain_basis=gain_basis,
            gain_dimension=self.gain_dimension,
            known_gains=gains if self.reveal_gains else None,
        )
        clean = blind.products(coordinates) * gains[None, :]
        if self.noise is not None:
            noise = self.noise
        else:
            noise = jnp.sqrt(squared_norm(clean) / blind.count * 10.0 ** (jnp.negative(self.snr) / 10))
        # Snapshot by snapshot, so that noise does not depend on the capacities.
        keys = jax.vmap(lambda l: draws.fold_in(key_noise, l))(jnp.arange(snapshots, dtype=jnp.int32))
        perturbation = jax.vmap(lambda k: draws.normal(k, (sensors,)))(keys)
        observations = clean + jnp.where(blind.mask, noise * perturbation, 0)
        truth = Calibration(blind.signal(coordinates), gains)
        return eqx.tree_at(lambda p: p.observations, blind, observations), truth

    def _gains(self, key, gain_basis: Float[Array, "sensors width"] | None) -> Float[Array, " sensors"]:
        """1 + e with e of mean zero and largest magnitude the gain spread; zero where padded."""
        sensors = capacity(self, "sensors")
        mask = row_mask(self.sensors, sensors)
        if gain_basis is None:
            excess = 2 * draws.uniform(key, (sensors,)) - 1
        else:
            width = gain_basis.shape[1]
            # The first column is constant, and the mean is fixed.
            free = row_mask(self.gain_dimension, width) & (jnp.arange(width) > 0)
            excess = gain_basis @ jnp.where(free, draws.normal(key, (width,)), 0)
        excess = jnp.where(mask, excess, 0)
        excess = jnp.where(mask, excess - jnp.sum(excess) / self.sensors.astype(excess.dtype), 0)
        largest = jnp.max(jnp.abs(excess))
        # A single sensor, or a constant gain, has no spread.
        spread = jnp.where(largest > 1e-6, self.gain_spread / jnp.maximum(largest, 1e-6), 0)
        return jnp.where(mask, 1 + spread * excess, 0)

    def error(self, truth: Calibration, estimate: Calibration) -> Float[Array, ""]:
        """The chosen measure, after the estimate is rescaled to gains of mean one."""
        if self.measure == "distance":
            return jnp.sqrt(self._squared_distance(truth, estimate))
        signal, gains = self._errors(truth, estimate)
        return jnp.maximum(signal, gains)

    def metrics(self, truth: Calibration, estimate: Calibration) -> dict[str, Float[Array, ""]]:
        r"""Relative errors of the signal and of the gains, rescaled, and the squared distance $\Delta / \|x\|^2$."""
        signal, gains = self._errors(truth, estimate)
        return {
            "signal_error": signal,
            "gain_error": gains,
            "squared_distance": self._squared_distance(truth, estimate),
        }

    def _errors(self, truth, estimate):
        # The truth too: its mean is one only up to rounding, and the error of the truth must be exactly zero.
        truth, estimate = (each.unit_mean(jnp.asarray(self.sensors)) for each in (truth, estimate))
        return relative_error(truth.signal, estimate.signal), relative_error(truth.gains, estimate.gains)

    def _squared_distance(self, truth, estimate):
        sensors = jnp.asarray(self.sensors)
        truth, estimate = truth.unit_mean(sensors), estimate.unit_mean(sensors)
        gap = squared_norm(estimate.gains - truth.gains) / sensors.astype(truth.gains.dtype)
        return relative_error(truth.signal, estimate.signal) ** 2 + gap


def cosine_basis(sensors: Int[Array, ""], rows: int, width: int) -> Float[Array, "{rows} {width}"]:
    r"""The first `width` vectors of the orthonormal cosine basis over `sensors` sensors, padded with zero rows.

    $B_{i0} = 1/\sqrt m$ and $B_{ij} = \sqrt{2/m}\, \cos(\pi (i + 1/2) j / m)$; columns from `sensors` on are zero.
    """
    dtype = jnp.zeros(()).dtype
    positions, frequencies = jnp.arange(rows, dtype=jnp.int32), jnp.arange(width, dtype=jnp.int32)
    # The phase is reduced modulo a full turn in integers, which keeps it exact.
    phase = ((2 * positions[:, None] + 1) * frequencies[None, :]) % (4 * sensors)
    number = sensors.astype(dtype)
    waves = jnp.cos(jnp.pi * phase.astype(dtype) / (2 * number)) * jnp.sqrt(2 / number)
    waves = jnp.where(frequencies[None, :] == 0, 1 / jnp.sqrt(number), waves)
    return jnp.where((positions[:, None] < sensors) & (frequencies[None, :] < sensors), waves, 0)
