"""Approximate message passing."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ..core.checks import optional_real, require
from ..core.leaves import leaf
from ..core.stopping import Progress, relative_norm
from .denoisers import AbstractDenoiser, BernoulliGauss, SoftThreshold
from .linear import AbstractLinearSolver, zeros
from .problem import LinearProblem

__all__ = ["AMP", "BayesAMP"]


class AMPState(eqx.Module):
    """Iterates of message passing: coefficients, corrected residual, and the parameters of the denoiser in use."""

    x: Float[Array, " dimension"]
    z: Float[Array, " rows"]
    parameters: PyTree
    progress: Progress


def _start(denoiser: AbstractDenoiser, problem: LinearProblem) -> AMPState:
    return AMPState(
        zeros(problem),
        problem.observations,
        denoiser.start(problem),
        Progress.start(problem.observations.dtype),
    )


def _pass_messages(denoiser: AbstractDenoiser, damping, problem: LinearProblem, state: AMPState) -> AMPState:
    """One pass of messages, with pseudo-data in units in which columns have unit norm."""
    scale = problem.column_norm
    dtype = state.x.dtype
    samples = problem.samples.astype(dtype)
    damping = jnp.asarray(damping, dtype)
    # The floor is far below rounding of the data, and keeps a solved problem from dividing by zero.
    floor = jnp.finfo(dtype).eps ** 2 * jnp.sum(problem.observations**2)
    energy = jnp.maximum(jnp.sum(state.z**2), floor)
    variance = jnp.where(energy == 0, 1, energy) / samples
    pseudo_data = scale * state.x + problem.adjoint(state.z) / scale
    denoised, derivative = denoiser.denoise(state.parameters, pseudo_data, variance)
    parameters = denoiser.learn(state.parameters, pseudo_data, variance)
    x = state.x + damping * (denoised / scale - state.x)
    z = problem.residual(x) + jnp.sum(derivative) / samples * state.z
    z = state.z + damping * (z - state.z)
    progress = state.progress.update(relative_norm(z, problem.observations), relative_norm(x - state.x, x))
    return AMPState(x, z, parameters, progress)


class AMP(AbstractLinearSolver[AMPState]):
    r"""Approximate message passing with soft thresholding (Donoho, Maleki and Montanari 2009).

    $$x^{t+1} = \eta(x^t + A^\top z^t;\ \alpha \tau_t), \qquad
      z^{t+1} = y - A x^{t+1} + \frac{1}{m} \|x^{t+1}\|_0\, z^t, \qquad \tau_t = \|z^t\| / \sqrt{m}.$$

    Made for designs with independent entries; its noiseless success region is bounded by the Donoho-Tanner curve. With
    `threshold=None` the multiplier $\alpha$ is minimax for the sampling ratio. Columns are rescaled to unit norm on
    average. `damping` in (0, 1] is the share of the new messages in a step. With 1 the iterates follow state evolution
    step by step, but at a few hundred coefficients one instance in twenty, however easy, runs into a limit cycle; the
    slight damping of the default cured all of those. Diverges on strongly correlated or ill-conditioned designs: use
    `VAMP` there.
    """

    threshold: Float[Array, ""] | None = optional_real()
    damping: Float[Array, ""] = leaf(default=0.9)
    nonnegative: bool = eqx.field(static=True, default=False)
    tolerance: Float[Array, ""] = leaf(default=1e-6)
    patience: Int[Array, ""] = leaf(default=50)

    def __check_init__(self):
        require(self, threshold="positive", damping="share", patience="count")

    def init(self, problem: LinearProblem, key) -> AMPState:
        """Zero coefficients; the residual is the data."""
        return _start(self._denoiser(), problem)

    def step(self, problem: LinearProblem, state: AMPState) -> AMPState:
        """One pass of messages."""
        return _pass_messages(self._denoiser(), self.damping, problem, state)

    def _denoiser(self) -> SoftThreshold:
        return SoftThreshold(self.threshold, self.nonnegative)


class BayesAMP(AbstractLinearSolver[AMPState]):
    r"""Approximate message passing with the posterior mean of a Bernoulli-Gauss prior (Krzakala et al. 2012).

    $$x^{t+1} = \eta(x^t + A^\top z^t;\ \tau_t^2), \qquad
      z^{t+1} = y - A x^{t+1} + \frac{n}{m} \langle \eta' \rangle z^t, \qquad \tau_t^2 = \|z^t\|^2 / m,$$

    with $\eta$ of `recover.sparse.denoisers.BernoulliGauss`. Where `density` (the share of nonzero coefficients) or `variance`
    (of the nonzero ones) is not given, it is guessed as described there, and with `learn` then refined in every step
    by expectation maximisation (Vila and Schniter 2013). With the right prior its noiseless success region reaches to
    the spinodal of state evolution, far beyond that of `AMP`. `damping` is as in `AMP`.
    """

    density: Float[Array, ""] | None = optional_real()
    variance: Float[Array, ""] | None = optional_real()
    learn: bool = eqx.field(static=True, default=True)
    damping: Float[Array, ""] = leaf(default=0.9)
    tolerance: Float[Array, ""] = leaf(default=1e-6)
    patience: Int[Array, ""] = leaf(default=50)

    def __check_init__(self):
        require(self, density="probability", variance="positive", damping="share", patience="count")

    def init(self, problem: LinearProblem, key) -> AMPState:
        """Zero coefficients; the residual is the data."""
        return _start(self._denoiser(), problem)

    def step(self, problem: LinearProblem, state: AMPState) -> AMPState:
        """One pass of messages, and one step of learning."""
        return _pass_messages(self._denoiser(), self.damping, problem, state)

    def _denoiser(self) -> BernoulliGauss:
        return BernoulliGauss(self.density, self.variance, self.learn)
