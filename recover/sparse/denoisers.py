"""Separable denoisers for message passing: posterior means of coefficients seen in Gaussian noise.

A denoiser is a description; its parameters, given or learnt, are arrays that a solver keeps in its state. Coefficients
are in units in which the columns of the design have unit norm on average.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..core.leaves import leaf
from ..scalar.denoisers import bernoulli_gauss_mean, bernoulli_gauss_update
from ..scalar.minimax import minimax_threshold
from ..scalar.proximal import soft_threshold
from .donoho_tanner import donoho_tanner_weak
from .problem import LinearProblem

__all__ = ["AbstractDenoiser", "BernoulliGauss", "SoftThreshold"]


class AbstractDenoiser(eqx.Module):
    r"""A map $\eta(r; \tau^2)$ applied to every entry of pseudo-data $r = x_0 + \tau z$ with $z \sim N(0, I)$."""

    @abc.abstractmethod
    def start(self, problem: LinearProblem) -> PyTree:
        """The parameters before the first step: what is given, or a guess from the data."""

    @abc.abstractmethod
    def denoise(
        self, parameters: PyTree, r: Float[Array, " dimension"], variance: Float[Array, ""]
    ) -> tuple[Float[Array, " dimension"], Float[Array, " dimension"]]:
        r"""The estimate $\eta(r; \tau^2)$ and its derivative in $r$; `variance` is $\tau^2 > 0$."""

    @abc.abstractmethod
    def learn(self, parameters: PyTree, r: Float[Array, " dimension"], variance: Float[Array, ""]) -> PyTree:
        """Better parameters, in view of pseudo-data; the same ones where there is nothing to learn."""


class SoftThreshold(AbstractDenoiser):
    r"""Soft thresholding $\eta(r; \tau^2) = \mathrm{sign}(r) (|r| - \alpha\tau)_+$.

    `threshold` is $\alpha$; by default it is minimax for the sampling ratio. With `nonnegative`, $(r - \alpha\tau)_+$.
    """

    threshold: Float[Array, ""] | None = leaf(default=None)
    nonnegative: bool = eqx.field(static=True, default=False)

    def start(self, problem: LinearProblem) -> Float[Array, ""]:
        """The multiplier of the threshold."""
        dtype = problem.observations.dtype
        if self.threshold is not None:
            return jnp.asarray(self.threshold, dtype)
        # At m >= n the minimax threshold vanishes, and with it all contraction: stay at that of m = 0.95 n.
        ratio = jnp.minimum(problem.samples.astype(dtype) / problem.dimension, 0.95)
        return minimax_threshold(ratio, nonnegative=self.nonnegative)

    def denoise(self, parameters, r, variance):
        """Thresholds at a multiple of the noise; the derivative counts what survives."""
        x = soft_threshold(r, parameters * jnp.sqrt(variance), self.nonnegative)
        return x, (x != 0).astype(x.dtype)

    def learn(self, parameters, r, variance):
        """Nothing to learn."""
        return parameters


class BernoulliGauss(AbstractDenoiser):
    r"""The posterior mean under the prior $x_i \sim (1 - \epsilon) \delta_0 + \epsilon N(0, v)$.

    $$\eta(r; \tau^2) = \pi(r) \frac{v\, r}{v + \tau^2}, \qquad
      \log\frac{\pi}{1 - \pi} = \log\frac{\epsilon}{1 - \epsilon} + \frac12 \log\frac{\tau^2}{v + \tau^2}
      + \frac{r^2}{2} \left(\frac{1}{\tau^2} - \frac{1}{v + \tau^2}\right).$$

    `density` $\epsilon$ and `variance` $v$ (in units of the coefficients). Where they are not given, the density starts
    from the sparsity that the problem knows, or else from the Donoho-Tanner transition (Vila and Schniter 2013),
    $\epsilon = \delta \rho_{DT}(\delta)$, and the variance from the energy of the data; with `refine` both are then learnt
    by expectation maximisation (Krzakala et al. 2012; Vila and Schniter 2013), in every step as
    `recover.scalar.denoisers.bernoulli_gauss_update` has it.
    """

    density: Float[Array, ""] | None = leaf(default=None)
    variance: Float[Array, ""] | None = leaf(default=None)
    refine: bool = eqx.field(static=True, default=True)

    def start(self, problem: LinearProblem) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Density and variance, as given or guessed."""
        dtype = problem.observations.dtype
        samples = problem.samples.astype(dtype)
        if self.density is not None:
            density = jnp.asarray(self.density, dtype)
        elif problem.sparsity is not None:
            density = problem.sparsity.astype(dtype) / problem.dimension
        else:
            # The transition is a curve over (0, 1).
            ratio = jnp.minimum(samples / problem.dimension, 0.99)
            density = ratio * donoho_tanner_weak(ratio)
        density = self._within(density, problem.dimension)
        if self.variance is not None:
            return density, jnp.asarray(self.variance, dtype) * problem.column_norm**2
        energy = jnp.sum(problem.observations**2)
        signal = energy
        if problem.noise is not None:
            # Noise of known level is taken out, as long as a tenth of the energy is left to the signal.
            signal = jnp.maximum(energy - samples * problem.noise**2, energy / 10)
        variance = signal / (problem.dimension * density)
        return density, jnp.where(variance == 0, 1, variance)

    def denoise(self, parameters, r, variance):
        r"""The posterior mean; its derivative is the posterior variance over $\tau^2$."""
        return bernoulli_gauss_mean(*parameters, r, variance)

    def learn(self, parameters, r, variance):
        """One step of expectation maximisation, for whatever is not given."""
        if not self.refine:
            return parameters
        density, slab = parameters
        share, energy = bernoulli_gauss_update(density, slab, r, variance)
        slab = energy if self.variance is None else slab
        density = self._within(share, r.shape[0]) if self.density is None else density
        return density, slab

    @staticmethod
    def _within(density, dimension: int):
        """Away from 0 and 1, at which learning could not turn back, by a tenth of a coefficient."""
        return jnp.clip(density, 0.1 / dimension, 1 - 0.1 / dimension)
