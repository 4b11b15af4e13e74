"""Vector approximate message passing."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..core.fields import Real, Whole, leaf, renamed
from ..core.linalg import eigh
from ..core.noise import floored, known_noise, power
from ..core.numbers import ratio, squared_norm
from ..core.solver import Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling, always
from .certificates import residual_excess
from .denoisers import AbstractDenoiser, BernoulliGauss
from .linear import AbstractLinearSolver, unsettled, zeros
from .problem import LinearProblem

__all__ = ["VAMP"]


class VAMPState(eqx.Module):
    r"""Messages from the denoiser to the linear stage, the decomposition of $A A^\top$, and what is learnt."""

    x: Float[Array, " dimension"]
    mean: Float[Array, " dimension"]
    variance: Float[Array, ""]
    noise_variance: Float[Array, ""]
    parameters: PyTree
    eigenvectors: Float[Array, "rows rows"]
    eigenvalues: Float[Array, " rows"]
    progress: Progress


@renamed("damping", "relaxation", translate=lambda damping: damping, meaning="the share of the new messages in a step")
class VAMP(AbstractLinearSolver[VAMPState]):
    r"""Vector approximate message passing of Rangan, Schniter and Fletcher (rangan2019).

    Alternates between linear estimation under a Gaussian prior $x \sim N(r_2, v_2 I)$ and a separable denoiser of
    pseudo-data $r_1 = x_0 + N(0, v_1 I)$, each stage passing on only what the other did not know:

    $$\hat x_2 = r_2 + A^\top \left(A A^\top + \tfrac{\sigma^2}{v_2} I\right)^{-1} (y - A r_2), \quad
      \frac{1}{v_1} = \frac{1}{\hat v_2} - \frac{1}{v_2}, \quad
      r_1 = v_1 \left(\frac{\hat x_2}{\hat v_2} - \frac{r_2}{v_2}\right),$$
    $$\hat x_1 = \eta(r_1; v_1), \quad \hat v_1 = v_1 \langle \eta' \rangle, \quad
      \frac{1}{v_2} = \frac{1}{\hat v_1} - \frac{1}{v_1}, \quad
      r_2 = v_2 \left(\frac{\hat x_1}{\hat v_1} - \frac{r_1}{v_1}\right).$$

    Needs a design that is rotationally invariant from the right, of any spectrum: it works for ill-conditioned designs
    on which `AMP` diverges. One eigendecomposition of $A A^\top$ at the start; each step then costs two products with
    the design and two with the eigenvectors.

    `denoiser` is one of `recover.sparse.denoisers`, `BernoulliGauss()` by default. `noise` is the standard deviation
    $\sigma$; by default that of the problem, and else it is learnt by expectation maximisation. `relaxation` in (0, 1] is
    the share of the new messages in a step.
    """

    scaling: ClassVar = Scaling({"denoiser": None, "noise": (0, 1)}, columns=always)

    denoiser: AbstractDenoiser = BernoulliGauss()
    noise: Real | None = leaf(None, "nonnegative")
    relaxation: Real = leaf(0.9, "share")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(100, "count")

    def init(self, problem: LinearProblem, key) -> VAMPState:
        """No knowledge but the energy of the data."""
        x = zeros(problem)
        matrix = problem.operator.as_matrix() / problem.column_norm
        eigenvalues, eigenvectors = eigh(matrix @ matrix.T)
        level = power(problem.observations, problem.samples)
        noise = known_noise(self, problem)
        return VAMPState(
            x=x,
            mean=x,
            # Columns have unit norm on average, so this is the energy per coefficient if there is no noise.
            variance=level * problem.count / problem.dimension,
            noise_variance=level / 100 if noise is None else _floored(problem, noise**2),
            parameters=self.denoiser.start(problem),
            eigenvectors=eigenvectors,
            eigenvalues=jnp.maximum(eigenvalues, 0),
            progress=Progress.start(x.dtype),
        )

    def step(self, problem: LinearProblem, state: VAMPState) -> VAMPState:
        """Linear estimation, then denoising."""
        scale = problem.column_norm
        dimension = problem.dimension
        tiny = jnp.finfo(state.x.dtype).eps

        # Linear stage.
        prior, noise = state.variance, state.noise_variance
        rotated = state.eigenvectors.T @ problem.residual(state.mean / scale)
        # Directions that the design does not see, and padded rows, carry rounding errors only.
        seen = state.eigenvalues > 10 * tiny * jnp.max(state.eigenvalues)
        weights = jnp.where(seen, 1 / jnp.where(seen, state.eigenvalues + noise / prior, 1), 0)
        correction = problem.adjoint(state.eigenvectors @ (weights * rotated)) / scale
        # The share of the prior variance that the data remove.
        gain = jnp.clip(jnp.sum(state.eigenvalues * weights) / dimension, tiny, 1 - tiny)
        pseudo_data = state.mean + correction / gain
        variance = prior * (1 - gain) / gain

        # Denoising stage.
        variance = _floored(problem, variance)
        denoised, derivative = self.denoiser.denoise(state.parameters, pseudo_data, variance)
        parameters = self.denoiser.learn(state.parameters, pseudo_data, variance)
        slope = jnp.clip(jnp.mean(derivative), tiny, 1 - tiny)
        mean = (denoised - slope * pseudo_data) / (1 - slope)
        next_prior = variance * slope / (1 - slope)

        if known_noise(self, problem) is None:
            misfit = rotated * (1 - state.eigenvalues * weights)
            spread = noise * jnp.sum(state.eigenvalues * weights)
            noise = _floored(problem, (squared_norm(misfit) + spread) / problem.count)
        x = denoised / scale
        progress = state.progress.update(
            relative_norm(problem.residual(x), problem.observations), relative_norm(x - state.x, x)
        )
        return VAMPState(
            x=x,
            mean=state.mean + self.relaxation * (mean - state.mean),
            variance=jnp.exp(jnp.log(prior) + self.relaxation * (jnp.log(next_prior) - jnp.log(prior))),
            noise_variance=noise,
            parameters=parameters,
            eigenvectors=state.eigenvectors,
            eigenvalues=state.eigenvalues,
            progress=progress,
        )

    def certificate(self, problem: LinearProblem, state: VAMPState) -> Certificate:
        """The data explained up to the noise; where that is not known, a fixed point."""
        excess = residual_excess(problem, problem.residual(state.x), self.tolerance)
        if problem.noise is None:
            excess = jnp.minimum(excess, ratio(state.progress.change, self.tolerance, jnp.inf))
        return unsettled(excess)


def _floored(problem: LinearProblem, variance: Float[Array, ""]) -> Float[Array, ""]:
    """A variance of at least the rounding of the data."""
    level = power(problem.observations, problem.samples)
    return floored(variance, level, jnp.finfo(level.dtype).eps)
