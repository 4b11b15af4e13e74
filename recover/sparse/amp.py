"""Approximate message passing."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ..core.adjoint import Optimality, fixed_point
from ..core.fields import Real, Whole, leaf, renamed
from ..core.leaves import floating_dtype
from ..core.numbers import norm, ratio, squared_norm
from ..core.solver import Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling, always
from .certificates import lasso_excess, residual_excess
from .denoisers import AbstractDenoiser, BernoulliGauss, SoftThreshold
from .linear import AbstractLinearSolver, Best, unsettled, zeros
from .problem import LinearProblem

__all__ = ["AMP", "BayesAMP"]


class AMPState(eqx.Module):
    """Iterates of message passing: coefficients, corrected residual, and the parameters of the denoiser in use;
    the best coefficients so far.
    """

    x: Inexact[Array, " dimension"]
    z: Inexact[Array, " rows"]
    parameters: PyTree
    progress: Progress
    best: Best


def _start(denoiser: AbstractDenoiser, problem: LinearProblem) -> AMPState:
    x = zeros(problem)
    progress = Progress.start(floating_dtype(x))
    return AMPState(x, problem.observations, denoiser.start(problem), progress, Best.start(x))


def _warm(denoiser: AbstractDenoiser, problem: LinearProblem, value: Inexact[Array, " dimension"]) -> AMPState:
    start = _start(denoiser, problem)
    return dataclasses.replace(start, x=value, z=problem.residual(value))


def _pass_messages(denoiser: AbstractDenoiser, relaxation, problem: LinearProblem, state: AMPState) -> AMPState:
    """One pass of messages, with pseudo-data in units in which columns have unit norm."""
    scale = problem.column_norm
    # The floor is far below rounding of the data, and keeps a solved problem from dividing by zero.
    floor = jnp.finfo(state.x.dtype).eps ** 2 * squared_norm(problem.observations)
    energy = jnp.maximum(squared_norm(state.z), floor)
    variance = jnp.where(energy == 0, 1, energy) / problem.count
    pseudo_data = scale * state.x + problem.adjoint(state.z) / scale
    denoised, derivative = denoiser.denoise(state.parameters, pseudo_data, variance)
    parameters = denoiser.learn(state.parameters, pseudo_data, variance)
    x = state.x + relaxation * (denoised / scale - state.x)
    z = problem.residual(x) + jnp.sum(derivative) / problem.count * state.z
    z = state.z + relaxation * (z - state.z)
    progress = state.progress.update(relative_norm(z, problem.observations), relative_norm(x - state.x, x))
    return AMPState(x, z, parameters, progress, state.best.update(x, progress.residual))


def _slopes(problem: LinearProblem, x: Inexact[Array, " dimension"], level: Float[Array, ""]) -> Float[Array, ""]:
    """The sum of the derivatives of soft thresholding at a level, by what it left."""
    if not problem.complex_data:
        return jnp.sum(x != 0).astype(x.dtype)
    kept = problem.column_norm * jnp.abs(x)
    return jnp.sum(jnp.where(x != 0, 1 - ratio(level, 2 * (kept + level)), 0))


def _explained(solver, problem: LinearProblem, state: AMPState) -> Float[Array, ""]:
    return residual_excess(problem, problem.residual(state.x), solver.tolerance)


@renamed("damping", "relaxation", translate=lambda damping: damping, meaning="the share of the new messages in a step")
class AMP(AbstractLinearSolver[AMPState]):
    r"""Approximate message passing with soft thresholding, of Donoho, Maleki and Montanari (donoho2009a).

    $$x^{t+1} = \eta(x^t + A^\top z^t;\ \alpha \tau_t), \qquad
      z^{t+1} = y - A x^{t+1} + \frac{1}{m} \|x^{t+1}\|_0\, z^t, \qquad \tau_t = \|z^t\| / \sqrt{m}.$$

    Made for designs with independent entries; its noiseless success region is bounded by the Donoho-Tanner curve. With
    `threshold=None` the multiplier $\alpha$ is minimax for the sampling ratio. Columns are rescaled to unit norm on
    average. `relaxation` in (0, 1] is the share of the new messages in a step. With 1 the iterates follow state evolution
    step by step, but at a few hundred coefficients one instance in twenty, however easy, runs into a limit cycle; the
    slight relaxation of the default cured all of those. Diverges on strongly correlated or ill-conditioned designs: use
    `VAMP` there.

    Of complex data moduli are thresholded, and $\|x\|_0$ is $\sum_j (1 - \alpha \tau / (2 |r_j|))$ over what survives of the
    pseudo-data $r$, the derivatives in real and imaginary part, averaged (maleki2013).
    """

    scaling: ClassVar = Scaling(columns=always)

    takes_complex: ClassVar[bool] = True
    threshold: Real | None = leaf(None, "positive")
    relaxation: Real = leaf(0.9, "share")
    nonnegative: bool = eqx.field(static=True, default=False)
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(50, "count")

    def init(self, problem: LinearProblem, key) -> AMPState:
        """Zero coefficients; the residual is the data."""
        return _start(self._denoiser(), problem)

    def warm(self, problem: LinearProblem, key, value: Inexact[Array, " dimension"]) -> AMPState:
        """Given coefficients and their residual, as if no message had been passed."""
        return _warm(self._denoiser(), problem, value)

    def step(self, problem: LinearProblem, state: AMPState) -> AMPState:
        """One pass of messages."""
        return _pass_messages(self._denoiser(), self.relaxation, problem, state)

    def certificate(self, problem: LinearProblem, state: AMPState) -> Certificate:
        r"""The data explained, or else the duality gap of the l1 penalty of which a fixed point is the minimiser.

        Its strength is $\alpha \tau (1 - \|x\|_0 / m)$ (`lasso_excess`), with the sum of the derivatives for $\|x\|_0$ where data are complex.
        """
        level = state.parameters * norm(state.z) / jnp.sqrt(problem.count)
        used = _slopes(problem, state.x, level) / problem.count
        strength = level * (1 - used) * problem.column_norm
        lasso = lasso_excess(problem, jnp.maximum(strength, 0), state.x, self.nonnegative)
        return unsettled(jnp.minimum(_explained(self, problem, state), jnp.where(strength > 0, lasso, jnp.inf)))

    def optimality(self, problem: LinearProblem, state: AMPState) -> Optimality:
        """A fixed point of the messages."""
        denoiser = self._denoiser()

        def iterate(messages):
            now = AMPState(*messages, denoiser.start(problem), state.progress, state.best)
            after = _pass_messages(denoiser, self.relaxation, problem, now)
            return after.x, after.z

        return fixed_point(iterate, (state.x, state.z), lambda messages: messages[0])

    def _denoiser(self) -> SoftThreshold:
        return SoftThreshold(self.threshold, self.nonnegative)


@renamed("damping", "relaxation", translate=lambda damping: damping, meaning="the share of the new messages in a step")
class BayesAMP(AbstractLinearSolver[AMPState]):
    r"""Approximate message passing with the posterior mean of a Bernoulli-Gauss prior, of Krzakala et al. (krzakala2012b).

    $$x^{t+1} = \eta(x^t + A^\top z^t;\ \tau_t^2), \qquad
      z^{t+1} = y - A x^{t+1} + \frac{n}{m} \langle \eta' \rangle z^t, \qquad \tau_t^2 = \|z^t\|^2 / m,$$

    with $\eta$ of `recover.sparse.denoisers.BernoulliGauss`. Where `density` (the share of nonzero coefficients) or `variance`
    (of the nonzero ones) is not given, it is guessed as described there, and with `learn` then refined in every step
    by expectation maximisation (vila2013). With the right prior its noiseless success region reaches to
    the spinodal of state evolution, far beyond that of `AMP`. `relaxation` is as in `AMP`.
    """

    scaling: ClassVar = Scaling({"variance": (-2, 2)}, columns=always)

    density: Real | None = leaf(None, "probability")
    variance: Real | None = leaf(None, "positive")
    learn: bool = eqx.field(static=True, default=True)
    relaxation: Real = leaf(0.9, "share")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(50, "count")

    def init(self, problem: LinearProblem, key) -> AMPState:
        """Zero coefficients; the residual is the data."""
        return _start(self._denoiser(), problem)

    def warm(self, problem: LinearProblem, key, value: Inexact[Array, " dimension"]) -> AMPState:
        """Given coefficients and their residual, as if no message had been passed."""
        return _warm(self._denoiser(), problem, value)

    def step(self, problem: LinearProblem, state: AMPState) -> AMPState:
        """One pass of messages, and one step of learning."""
        return _pass_messages(self._denoiser(), self.relaxation, problem, state)

    def certificate(self, problem: LinearProblem, state: AMPState) -> Certificate:
        """The data explained up to the noise; where that is not known, a fixed point."""
        excess = _explained(self, problem, state)
        if problem.noise is None:
            excess = jnp.minimum(excess, ratio(state.progress.change, self.tolerance, jnp.inf))
        return unsettled(excess)

    def _denoiser(self) -> BernoulliGauss:
        return BernoulliGauss(self.density, self.variance, self.learn)
