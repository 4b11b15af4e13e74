"""Least squares around blind calibration: with the gains given or ignored, and made linear in their inverses."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, leaf
from ..core.linalg import solve_triangular, triangular_factor
from ..core.noise import power
from ..core.numbers import ratio, squared_norm, unit
from ..core.sizes import row_mask
from ..core.solver import Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .certificates import calibration_certificate
from .descent import AbstractCalibrationSolver
from .problem import Calibration, CalibrationProblem

__all__ = ["BlindCalibrationLinear", "OracleLeastSquares", "UncalibratedLeastSquares"]


class ConjugateState(eqx.Module):
    """Conjugate gradients on the normal equations: iterate, residual of the data, its back-projection, direction."""

    coordinates: Float[Array, " dimension"]
    gains: Float[Array, " sensors"]
    residual: Float[Array, "snapshots sensors"]
    gradient: Float[Array, " dimension"]
    direction: Float[Array, " dimension"]
    scale: Float[Array, ""]
    progress: Progress


class _AbstractFixedGains(AbstractCalibrationSolver[ConjugateState]):
    """Conjugate gradients for the signal, with gains that never change.

    `tolerance` bounds the norm of the gradient relative to that at zero, which no noise keeps from vanishing.
    """

    # Not `lineax.CG`, which loops on its own: here one iteration is a step of `solve` and `sweep`, which count and limit
    # steps, keep histories and give a finished lane to the next instance. It also stops by another rule (the largest
    # entry of residual and change against mixed tolerances) and takes the residual anew in every tenth iteration.

    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(100, "count")

    @abc.abstractmethod
    def _gains(self, problem: CalibrationProblem) -> Float[Array, " sensors"]: ...

    def init(self, problem: CalibrationProblem, key) -> ConjugateState:
        """A signal of zero."""
        dtype = problem.observations.dtype
        gains = self._gains(problem)
        gradient = self._restricted(problem, problem.back_projection(gains[None, :] * problem.observations))
        return ConjugateState(
            coordinates=jnp.zeros_like(gradient),
            gains=gains,
            residual=problem.observations,
            gradient=gradient,
            direction=gradient,
            scale=squared_norm(gradient),
            progress=Progress.start(dtype),
        )

    def step(self, problem: CalibrationProblem, state: ConjugateState) -> ConjugateState:
        """An exact line search along the direction, and the next conjugate one."""
        gains = state.gains[None, :]
        image = gains * problem.products(state.direction)
        before = squared_norm(state.gradient)
        length = ratio(before, squared_norm(image))
        coordinates = state.coordinates + length * state.direction
        residual = state.residual - length * image
        gradient = self._restricted(problem, problem.back_projection(gains * residual))
        after = squared_norm(gradient)
        direction = gradient + ratio(after, before) * state.direction
        stationarity = jnp.sqrt(ratio(after, state.scale))
        progress = state.progress.update(stationarity, stationarity)
        return ConjugateState(coordinates, state.gains, residual, gradient, direction, state.scale, progress)

    def certificate(self, problem: CalibrationProblem, state: ConjugateState) -> Certificate:
        """By what the signal may gain (`calibration_certificate`)."""
        return calibration_certificate(
            problem,
            self.tolerance,
            state.coordinates,
            state.gains,
            lambda direction: self._restricted(problem, direction),
            jnp.zeros_like,
        )

    def optimality(self, problem: CalibrationProblem, state: ConjugateState) -> Optimality:
        """The normal equations."""
        free = self._restricted(problem, jnp.ones(state.coordinates.shape, bool))

        def residual(coordinates):
            gains = self._gains(problem)[None, :]
            left = gains * problem.products(coordinates) - problem.observations
            return problem.back_projection(gains * left)

        def answer(coordinates):
            return Calibration(problem.signal(coordinates), self._gains(problem)).unit_mean(problem.sensors)

        return Optimality(state.coordinates, residual, answer, free, definite=True)

    def _restricted(self, problem: CalibrationProblem, direction):
        if problem.signal_dimension is None:
            return direction
        return jnp.where(row_mask(problem.signal_dimension, problem.dimension), direction, 0)


class UncalibratedLeastSquares(_AbstractFixedGains):
    r"""The signal as if all gains were one, $\arg\min_x \sum_l \|A_l x - y_l\|^2$.

    Its error has a floor set by the spread of the gains, whatever the noise. With a signal prior the minimum is over
    the subspace. Matrix-free: conjugate gradients on the normal equations.
    """

    scaling: ClassVar = Scaling()

    def _gains(self, problem: CalibrationProblem) -> Float[Array, " sensors"]:
        return problem.sensor_mask.astype(problem.observations.dtype)


class OracleLeastSquares(_AbstractFixedGains):
    r"""The signal for the true gains, $\arg\min_x \sum_l \|\operatorname{diag}(g) A_l x - y_l\|^2$: the bound for blind methods.

    The problem must hold them (`known_gains`), as those of `BlindCalibration(..., reveal_gains=True)` do.

    **Raises:** `ValueError` when it does not.
    """

    scaling: ClassVar = Scaling()

    def _gains(self, problem: CalibrationProblem) -> Float[Array, " sensors"]:
        if problem.oracle is None:
            raise ValueError(
                "OracleLeastSquares: the problem's `known_gains` is None; gains are needed. Give them to the problem, or "
                "build the model with `reveal_gains=True`."
            )
        return problem.oracle


class SingularState(eqx.Module):
    """Inverse iteration: triangular factor, current unit vector, scale of the data."""

    factor: Float[Array, "unknowns unknowns"]
    vector: Float[Array, " unknowns"]
    scale: Float[Array, ""]
    progress: Progress


class BlindCalibrationLinear(AbstractCalibrationSolver[SingularState]):
    r"""Linear least squares for blind calibration: the smallest singular vector.

    With $h_i = 1 / g_i$ the noiseless data satisfy linear equations without right-hand side,

    $$h \circ y_l - A_l x = 0 \quad (l = 1, \dots, p), \qquad
      (\hat h, \hat x) = \arg\min_{\|(h, x)\| = 1} \sum_l \|h \circ y_l - A_l x\|^2.$$

    Exact without noise down to the counting limit $m p = n + m - 1$; with noise the data enter the matrix, and the
    inverses of small gains weigh most. The data are scaled to mean square one. The matrix is factored once, $Q R$, and
    every step is one inverse iteration, $v \leftarrow (R^\top R)^{-1} v$, normalised: never squaring the condition number
    in a stored matrix lets single precision reach the limit. Needs the sensing matrices in dense form; subspace priors
    are not used. `residual` in the statistics is the change of the unit vector in the last step. A direct method, save for the
    number of inverse iterations: a vector that one of them leaves as it is is a singular vector, which needs no other certificate.

    Source: S. Ling and T. Strohmer, "Self-calibration and bilinear inverse problems via linear least squares", SIAM Journal
    on Imaging Sciences 11 (2018) (ling2018).
    """

    scaling: ClassVar = Scaling()

    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(50, "count")

    def init(self, problem: CalibrationProblem, key) -> SingularState:
        """The triangular factor, and the vector of uncalibrated gains with the back-projected data."""
        snapshots, sensors = problem.observations.shape
        dtype = problem.observations.dtype
        scale = jnp.sqrt(power(problem.observations, problem.sensors * problem.snapshots))
        mask = problem.sensor_mask
        scaled = problem.observations / scale
        # A padded sensor has no data; an equation of its own keeps its unknown at zero.
        dummy = jnp.where(mask, 0, 1).astype(dtype)
        scaled = scaled.at[0].add(dummy)
        left = (scaled[:, :, None] * jnp.eye(sensors, dtype=dtype)[None]).reshape(snapshots * sensors, sensors)
        right = jnp.where(problem.mask.reshape(-1)[:, None], -problem.operator.as_matrix(), 0)
        matrix = jnp.concatenate([left, right], axis=1)
        unknowns = matrix.shape[1]
        if matrix.shape[0] < unknowns:
            matrix = jnp.concatenate([matrix, jnp.zeros((unknowns - matrix.shape[0], unknowns), dtype)])
        factor = triangular_factor(matrix)
        # A singular matrix is the good case: its zero is replaced by the rounding that it stands for.
        diagonal = jnp.diagonal(factor)
        floor = jnp.finfo(dtype).eps * jnp.max(jnp.abs(diagonal))
        lifted = jnp.where(jnp.abs(diagonal) < floor, floor, diagonal)
        factor = factor + jnp.diag(lifted - diagonal)
        coordinates = problem.back_projection(problem.observations) / (problem.count * scale)
        vector = unit(jnp.concatenate([mask.astype(dtype), coordinates]))
        return SingularState(factor, vector, scale, Progress.start(dtype))

    def step(self, problem: CalibrationProblem, state: SingularState) -> SingularState:
        """One inverse iteration, normalised, with the sign of the vector before."""
        vector = unit(solve_triangular(state.factor, solve_triangular(state.factor, state.vector, transposed=True)))
        vector = jnp.where(jnp.sum(vector * state.vector) < 0, -vector, vector)
        moved = relative_norm(vector - state.vector, vector)
        return SingularState(state.factor, vector, state.scale, state.progress.update(moved, moved))

    def estimate(self, problem: CalibrationProblem, state: SingularState) -> Calibration:
        """The signal and the inverses of the first unknowns, scaled to gains of mean one."""
        sensors = problem.observations.shape[1]
        inverses, coordinates = state.vector[:sensors], state.vector[sensors:] * state.scale
        gains = ratio(problem.sensor_mask.astype(inverses.dtype), inverses)
        return Calibration(problem.signal(coordinates), gains).unit_mean(problem.sensors)
