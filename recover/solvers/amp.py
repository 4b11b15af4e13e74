"""Approximate message passing."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..leaves import leaf
from ..problems import LinearProblem
from ..proximal import soft_threshold
from ..stopping import Progress, relative_norm
from ..theory import minimax_threshold
from .linear import AbstractLinearSolver, zeros


class AMPState(eqx.Module):
    """Iterates of message passing: coefficients, corrected residual, and the threshold multiplier in use."""

    x: Float[Array, " dimension"]
    z: Float[Array, " rows"]
    multiplier: Float[Array, ""]
    progress: Progress


class AMP(AbstractLinearSolver[AMPState]):
    r"""Approximate message passing with soft thresholding (Donoho, Maleki and Montanari 2009, equations 1-2).

    $$x^{t+1} = \eta(x^t + A^\top z^t;\ \alpha \tau_t), \qquad
      z^{t+1} = y - A x^{t+1} + \frac{1}{m} \|x^{t+1}\|_0\, z^t, \qquad \tau_t = \|z^t\| / \sqrt{m}.$$

    Made for designs with independent entries; its noiseless success region is bounded by the Donoho-Tanner curve. With
    `threshold=None` the multiplier $\alpha$ is minimax for the sampling ratio. Columns are rescaled to unit norm on
    average. Diverges on strongly correlated or ill-conditioned designs: use `VAMP` there, or damp.
    """

    threshold: Float[Array, ""] | None = leaf(default=None)
    damping: Float[Array, ""] = leaf(default=1.0)
    nonnegative: bool = eqx.field(static=True, default=False)
    tolerance: Float[Array, ""] = leaf(default=1e-6)
    patience: Int[Array, ""] = leaf(default=100)

    def init(self, problem: LinearProblem, key) -> AMPState:
        """Zero coefficients; the residual is the data."""
        multiplier = self.threshold
        if multiplier is None:
            multiplier = minimax_threshold(problem.samples / problem.dimension, nonnegative=self.nonnegative)
        dtype = problem.observations.dtype
        return AMPState(zeros(problem), problem.observations, jnp.asarray(multiplier, dtype), Progress.start(dtype))

    def step(self, problem: LinearProblem, state: AMPState) -> AMPState:
        """One pass of messages, with coefficients in units in which columns have unit norm."""
        scale = problem.column_norm
        tau = jnp.sqrt(jnp.sum(state.z**2) / problem.samples)
        pseudo_data = scale * state.x + problem.adjoint(state.z) / scale
        x = soft_threshold(pseudo_data, state.multiplier * tau, self.nonnegative)
        x = state.x + self.damping * (x / scale - state.x)
        onsager = jnp.sum(x != 0) / problem.samples
        z = problem.residual(x) + onsager * state.z
        z = state.z + self.damping * (z - state.z)
        progress = state.progress.update(
            relative_norm(z, problem.observations), relative_norm(x - state.x, x)
        )
        return AMPState(x, z, state.multiplier, progress)
