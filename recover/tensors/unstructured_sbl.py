"""Sparse Bayesian learning with one variance per coefficient, for Kronecker-structured measurements."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from ..core.fields import Real, leaf
from ..core.linalg import positive_definite_inverse
from ..core.numbers import ratio, squared_norm
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from ..operators.mode_products import quadratic_forms, weighted_gram
from .certificates import evidence_certificate
from .kronecker_sbl import initial_level
from .noise_level import first_noise_variance, next_noise_variance
from .problem import KroneckerProblem

__all__ = ["UnstructuredSBL"]


# The least noise variance, in rounding units of the covariance; with a third of it single precision fails one solve in eight.
_ROUNDING = 10


class UnstructuredSBLState(eqx.Module):
    """Posterior mean, its variances, prior variances and noise variance."""

    mean: Inexact[Array, "..."]
    energies: Float[Array, "..."]
    variances: Float[Array, "..."]
    noise_variance: Float[Array, ""]
    noise_update: Float[Array, ""]
    residual: Float[Array, ""]
    progress: Progress


class UnstructuredSBL(AbstractSolver[KroneckerProblem, UnstructuredSBLState]):
    r"""Classical sparse Bayesian learning, and its pattern-coupled variant, for real or complex Kronecker problems.

    Every coefficient has its own prior precision, tied to those of its two neighbours in row-major order,
    $1/\gamma_n = \alpha_n + \eta\,(\alpha_{n-1} + \alpha_{n+1})$, and EM updates

    $$\alpha_n = \frac{a + 1/2}{E_n/2 + b}, \qquad E_n = d_n + \eta\,(d_{n-1} + d_{n+1}), \qquad d = |\mu|^2 + \operatorname{diag} \Sigma .$$

    The defaults $\eta = a = b = 0$ are classical SBL, $\gamma \leftarrow d$ (cSBL); `coupling=0.9, shape=0.5, rate=1e-4` is
    pattern-coupled SBL (fang2015). Coefficients with $\alpha_n > \min(\alpha) / \mathrm{prune}$ are taken as zero.

    The covariance $\Phi = \sigma^2 I + H \Gamma H^*$ is dense, so a step is cubic in the number of observations; forming it, and
    the diagonal of $H^* \Phi^{-1} H$, takes the Kronecker structure (`recover.operators.mode_products`). Noise as in `AbstractKroneckerSBL`.
    Its variance is raised to ten units of rounding of the largest absolute sum of a row of $\Phi$, which as variances gather on a
    support is more than noiseless data have. Converges when the relative change of $\gamma$ is at most `tolerance`. For a real `LinearProblem` see `SparseBayesianLearning`.

    Source: J. Fang, Y. Shen, H. Li and P. Wang, "Pattern-Coupled Sparse Bayesian Learning for Recovery of Block-Sparse
    Signals", IEEE Transactions on Signal Processing 63 (2015) (fang2015).
    """

    scaling: ClassVar = Scaling({"rate": (-2, 2), "initial_variance": (-2, 2)}, stats={"noise_variance": (0, 2)})

    coupling: Real = leaf(0.0, "nonnegative")
    shape: Real = leaf(0.0, "nonnegative")
    rate: Real = leaf(0.0, "nonnegative")
    prune: Real = leaf(1e-3, "nonnegative")
    tolerance: Real = leaf(1e-4)
    learn_noise: Bool[Array, ""] = leaf(False, "switch")
    initial_variance: Real | None = leaf(None, "positive")

    def init(self, problem: KroneckerProblem, key) -> UnstructuredSBLState:
        """Equal variances, and the posterior under them."""
        variances = jnp.broadcast_to(initial_level(problem, self.initial_variance), problem.dimensions)
        noise = first_noise_variance(problem, problem.noise, self.learn_noise)
        return _posterior(problem, variances, noise, Progress.start(noise.dtype))

    def step(self, problem: KroneckerProblem, state: UnstructuredSBLState) -> UnstructuredSBLState:
        """New variances, then the posterior under them."""
        coupled = self._coupled(state.energies) / 2 + self.rate
        precisions = ratio(self.shape + 0.5, coupled, jnp.inf)
        kept = precisions * self.prune <= jnp.min(precisions)
        # A dropped coefficient drops its neighbours too where they are coupled, as an infinite precision does.
        total = self._coupled(jnp.where(kept, precisions, 0))
        dropped = self._coupled((~kept).astype(total.dtype)) > 0
        variances = jnp.where(dropped, 0, ratio(1, total))
        known = first_noise_variance(problem, problem.noise, self.learn_noise)
        noise = next_noise_variance(problem, problem.noise, self.learn_noise, current=known, update=state.noise_update)
        change = relative_norm(variances - state.variances, state.variances)
        return _posterior(problem, variances, noise, state.progress.update(change, change))

    def _coupled(self, values: Float[Array, "..."]) -> Float[Array, "..."]:
        flat = jnp.pad(values.reshape(-1), 1)
        return (flat[1:-1] + self.coupling * (flat[:-2] + flat[2:])).reshape(values.shape)

    def status(self, problem: KroneckerProblem, state: UnstructuredSBLState) -> Result:
        """By the relative change of the variances."""
        status = state.progress.status(self.tolerance, jnp.zeros((), jnp.int32))
        return Result.where(jnp.isfinite(state.residual), status, Result.diverged)

    def certificate(self, problem: KroneckerProblem, state: UnstructuredSBLState) -> Certificate:
        """The residual over what noise of the variance in use explains (`evidence_certificate`)."""
        return evidence_certificate(problem, state.residual, state.noise_variance)

    def estimate(self, problem: KroneckerProblem, state: UnstructuredSBLState) -> Inexact[Array, "..."]:
        """The posterior mean."""
        return state.mean

    def stats(self, problem: KroneckerProblem, state: UnstructuredSBLState) -> dict[str, Array]:
        """Relative residual, noise variance and the number of variances that are not zero."""
        return {
            "residual": state.residual,
            "noise_variance": state.noise_variance,
            "live": jnp.sum(state.variances > 0).astype(state.residual.dtype),
        }


def _posterior(problem: KroneckerProblem, variances, noise, progress: Progress) -> UnstructuredSBLState:
    observations = problem.observations
    signal = weighted_gram(problem.factors, variances.astype(observations.dtype))
    # Less than this is lost in the rounding of the covariance, which would not even be positive definite.
    largest = jnp.max(jnp.sum(jnp.abs(signal), axis=0))
    noise = jnp.maximum(noise, _ROUNDING * jnp.finfo(noise.dtype).eps * largest)
    identity = jnp.eye(problem.rows, dtype=observations.dtype)
    precision = positive_definite_inverse(signal + noise.astype(identity.dtype) * identity)

    def applied(data):
        return (precision @ data.reshape(-1)).reshape(data.shape)

    def mean_of(dual):
        return variances.astype(observations.dtype) * problem.adjoint(dual)

    dual = applied(observations)
    # Where noise is weak the covariance is ill conditioned. One round of refinement brings the mean back to rounding
    # accuracy; without it the variances jitter and never converge in single precision.
    dual = dual + applied(problem.residual(mean_of(dual)) - noise.astype(dual.dtype) * dual)
    mean = mean_of(dual)
    forms = quadratic_forms(problem.factors, precision)
    spread = jnp.maximum(variances - variances**2 * forms, 0)
    misfit = squared_norm(problem.residual(mean))
    return UnstructuredSBLState(
        mean=mean,
        energies=jnp.abs(mean) ** 2 + spread,
        variances=variances,
        noise_variance=noise,
        noise_update=(misfit + noise * jnp.sum(variances * forms)) / problem.count,
        residual=jnp.sqrt(ratio(misfit, squared_norm(observations), misfit)),
        progress=progress,
    )
