"""Blind calibration by descent on signal and gains together."""

from typing import ClassVar, Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core.fields import Real, Whole, leaf
from ..core.linalg import cholesky, cholesky_solve
from ..core.numbers import ratio, squared_norm
from ..core.results import Result
from ..core.sizes import row_mask
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .certificates import calibration_certificate
from .problem import Calibration, CalibrationProblem
from .projections import project_centred_box

__all__ = ["AbstractCalibrationSolver", "BlindCalibrationALS", "BlindCalibrationPGD"]

StateT = TypeVar("StateT")

# Gains so near to an end of the box, as a share of its half side, are at it.
_AT_END = 1e-4


class AbstractCalibrationSolver(AbstractSolver[CalibrationProblem, StateT], Generic[StateT]):
    """A solver of `CalibrationProblem` whose state has `coordinates`, `gains` and a `progress`.

    It stops when the relative residual of the data or the relative change of the estimate in a step is at most
    `tolerance`, and is stalled when the residual has not fallen by one per cent in `patience` steps.
    """

    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    def status(self, problem: CalibrationProblem, state: StateT) -> Result:
        """By the relative residual and the relative change of the last step."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: CalibrationProblem, state: StateT) -> Calibration:
        """The current signal and gains, scaled to gains of mean one."""
        return Calibration(problem.signal(state.coordinates), state.gains).unit_mean(problem.sensors)

    def stats(self, problem: CalibrationProblem, state: StateT) -> dict[str, Array]:
        """The last relative residual."""
        return {"residual": state.progress.residual}


class DescentState(eqx.Module):
    """Iterates: coordinates of the signal, gains, the products A_l x carried along, and the fixed steps."""

    coordinates: Float[Array, " dimension"]
    gains: Float[Array, " sensors"]
    products: Float[Array, "snapshots sensors"]
    steps: Float[Array, "2"]
    progress: Progress


class BlindCalibrationPGD(AbstractCalibrationSolver[DescentState]):
    r"""Projected gradient descent on signal and gains from an unbiased start.

    $$f(\xi, \gamma) = \frac{1}{2 m p} \sum_l \|\operatorname{diag}(\gamma) A_l \xi - y_l\|^2, \qquad
      \xi_0 = \frac{1}{m p} \sum_l A_l^\top y_l, \qquad \gamma_0 = 1,$$
    $$\xi \leftarrow \xi - \mu_\xi \nabla_\xi f, \qquad
      \gamma \leftarrow P\big(\gamma - \mu_\gamma (\nabla_\gamma f - \text{mean})\big),$$

    both from the old iterates. With `step_size=None`, or with `line_search`, $\mu_\xi$ and $\mu_\gamma$ are exact line searches
    along their own direction; with a number $\mu$ they are $\mu$ and $\mu m / \|\xi_0\|^2$, as in the theory, which assumes sensing rows
    of identity covariance. $P$ projects on $\{1 + e : \sum e_i = 0, |e_i| \le \rho\}$ where the problem knows $\rho$
    (`gain_spread`) and `projection` is true.

    With subspace priors and `priors` true, the gradients are projected on the subspaces and the box is left out:
    clipping after projecting would leave the subspace. All switches are traced.

    Near the counting limit the iteration is slow enough to pass for converged: with a tolerance of 1e-5 it was seen to
    stop at errors above 1e-3 there, which 1e-6 cured.

    A step costs one product with the sensing matrices and one with their transposes, since $A_l \xi$ is carried along.

    Source: V. Cambareri and L. Jacques, "Through the haze: a non-convex approach to blind gain calibration for linear random
    sensing models", Information and Inference 8 (2019) (cambareri2018).
    """

    scaling: ClassVar = Scaling()

    step_size: Real | None = leaf(None, "positive")
    projection: Bool[Array, ""] = leaf(True, "switch")
    priors: Bool[Array, ""] = leaf(True, "switch")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(200, "count")
    line_search: Bool[Array, ""] = leaf(False, "switch")

    def init(self, problem: CalibrationProblem, key) -> DescentState:
        """The back-projected data, and gains of one."""
        dtype = problem.observations.dtype
        coordinates = self._on_signals(problem, problem.back_projection(problem.observations) / problem.count)
        gains = problem.sensor_mask.astype(dtype)
        step = jnp.zeros((), dtype) if self.step_size is None else self.step_size
        steps = jnp.stack([step, step * ratio(problem.sensors.astype(dtype), squared_norm(coordinates))])
        return DescentState(coordinates, gains, problem.products(coordinates), steps, Progress.start(dtype))

    def step(self, problem: CalibrationProblem, state: DescentState) -> DescentState:
        """One step in the signal and one in the gains, from the same point."""
        samples = problem.count
        gains = state.gains[None, :]
        residual = gains * state.products - problem.observations
        direction = self._on_signals(problem, problem.back_projection(gains * residual) / samples)
        turn = self._on_gains(problem, jnp.sum(state.products * residual, axis=0) / samples)
        change = problem.products(direction)
        # At exact convergence a line search divides zero by zero.
        step_signal = ratio(samples * squared_norm(direction), squared_norm(gains * change))
        step_gains = ratio(samples * squared_norm(turn), squared_norm(state.products * turn[None, :]))
        if self.step_size is not None:
            step_signal = jnp.where(self.line_search, step_signal, state.steps[0])
            step_gains = jnp.where(self.line_search, step_gains, state.steps[1])
        coordinates = state.coordinates - step_signal * direction
        products = state.products - step_signal * change
        new_gains = self._project(problem, state.gains - step_gains * turn)
        moved = jnp.maximum(
            relative_norm(coordinates - state.coordinates, coordinates),
            relative_norm(new_gains - state.gains, new_gains),
        )
        explained = relative_norm(new_gains[None, :] * products - problem.observations, problem.observations)
        progress = state.progress.update(explained, moved)
        return DescentState(coordinates, new_gains, products, state.steps, progress)

    def certificate(self, problem: CalibrationProblem, state: DescentState) -> Certificate:
        """By what signal and gains may gain (`calibration_certificate`), but for gains at the ends of the box."""
        inside = self._inside(problem, state.gains)

        def on_gains(direction):
            return jnp.where(inside, self._on_gains(problem, jnp.where(inside, direction, 0)), 0)

        return calibration_certificate(
            problem,
            self.tolerance,
            state.coordinates,
            state.gains,
            lambda direction: self._on_signals(problem, direction),
            on_gains,
        )

    def _on_signals(self, problem: CalibrationProblem, direction):
        """The part of a direction along which the signal may move."""
        if problem.signal_dimension is None:
            return direction
        outside = self.priors & ~row_mask(problem.signal_dimension, problem.dimension)
        return jnp.where(outside, 0, direction)

    def _on_gains(self, problem: CalibrationProblem, direction):
        """The part of a direction along which the gains may move: mean zero, and in their subspace."""
        mean = jnp.sum(direction) / problem.sensors.astype(direction.dtype)
        direction = jnp.where(problem.sensor_mask, direction - mean, 0)
        if problem.gain_basis is None:
            return direction
        within = row_mask(problem.gain_dimension, problem.gain_basis.shape[1])
        projected = problem.gain_basis @ jnp.where(within, problem.gain_basis.T @ direction, 0)
        return jnp.where(self.priors, projected, direction)

    def _boxed(self, problem: CalibrationProblem) -> Bool[Array, ""]:
        """Whether gains are kept in the box."""
        return self.projection if problem.gain_basis is None else self.projection & ~self.priors

    def _inside(self, problem: CalibrationProblem, gains) -> Bool[Array, " sensors"]:
        """Which gains are not at an end of the box."""
        if problem.gain_spread is None:
            return jnp.ones_like(problem.sensor_mask)
        return ~self._boxed(problem) | (jnp.abs(gains - 1) < (1 - _AT_END) * problem.gain_spread)

    def _project(self, problem: CalibrationProblem, gains):
        if problem.gain_spread is None:
            return gains
        mask = problem.sensor_mask
        excess = jnp.where(mask, gains - 1, 0)
        wanted = self._boxed(problem)
        # The projection ends at once for a vector inside the box, so give it one where it is not wanted.
        boxed = project_centred_box(jnp.where(wanted, excess, 0), problem.gain_spread, mask)
        return jnp.where(mask, 1 + jnp.where(wanted, boxed, excess), 0)


class AlternatingState(eqx.Module):
    """Iterates of alternating least squares."""

    coordinates: Float[Array, " dimension"]
    gains: Float[Array, " sensors"]
    products: Float[Array, "snapshots sensors"]
    progress: Progress


class BlindCalibrationALS(AbstractCalibrationSolver[AlternatingState]):
    r"""Alternating least squares for blind calibration.

    $$x \leftarrow \arg\min_x \sum_l \|\operatorname{diag}(g) A_l x - y_l\|^2, \qquad
      g_i \leftarrow \frac{\sum_l (A_l x)_i\, y_{l,i}}{\sum_l (A_l x)_i^2},$$

    then both rescaled to gains of mean one. Starts from gains of one. The first minimisation factors an $n \times n$
    matrix in every step, so the sensing matrices are needed in dense form; subspace priors are not used.
    """

    scaling: ClassVar = Scaling()

    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(200, "count")

    def init(self, problem: CalibrationProblem, key) -> AlternatingState:
        """The back-projected data, and gains of one."""
        dtype = problem.observations.dtype
        coordinates = problem.back_projection(problem.observations) / problem.count
        gains = problem.sensor_mask.astype(dtype)
        return AlternatingState(coordinates, gains, problem.products(coordinates), Progress.start(dtype))

    def step(self, problem: CalibrationProblem, state: AlternatingState) -> AlternatingState:
        """The best signal for the gains, then the best gains for that signal."""
        matrix = problem.operator.as_matrix()
        dtype = matrix.dtype
        gains = state.gains[None, :]
        weights = jnp.where(problem.mask, gains**2, 0).reshape(-1)
        normal = matrix.T @ (weights[:, None] * matrix)
        # Rounding can make the matrix indefinite near the counting limit; so small a ridge changes nothing else.
        ridge = jnp.finfo(dtype).eps * 4 * jnp.trace(normal)
        factor = cholesky(normal + ridge * jnp.eye(matrix.shape[1], dtype=dtype))
        # Solving for the correction to the last signal is a step of iterative refinement, in every step.
        residual = problem.observations - gains * state.products
        correction = cholesky_solve(factor, problem.back_projection(gains * residual))
        coordinates = state.coordinates + correction
        products = problem.products(coordinates)
        new_gains = ratio(jnp.sum(products * problem.observations, axis=0), squared_norm(products, 0))
        mean = jnp.sum(new_gains) / problem.sensors.astype(dtype)
        mean = jnp.where(mean == 0, 1, mean)
        new_gains, coordinates, products = new_gains / mean, coordinates * mean, products * mean
        moved = jnp.maximum(
            relative_norm(coordinates - state.coordinates, coordinates),
            relative_norm(new_gains - state.gains, new_gains),
        )
        explained = relative_norm(new_gains[None, :] * products - problem.observations, problem.observations)
        return AlternatingState(coordinates, new_gains, products, state.progress.update(explained, moved))

    def certificate(self, problem: CalibrationProblem, state: AlternatingState) -> Certificate:
        """By what signal and gains may gain together (`calibration_certificate`)."""
        return calibration_certificate(problem, self.tolerance, state.coordinates, state.gains)
