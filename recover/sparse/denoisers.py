"""Separable denoisers for message passing: posterior means of coefficients seen in Gaussian noise.

A denoiser is a description; its parameters, given or learnt, are arrays that a solver keeps in its state. Coefficients
are in units in which the columns of the design have unit norm on average.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact, PyTree

from ..core.fields import AbstractModule, Real, leaf
from ..core.numbers import squared_norm
from ..core.units import Units
from ..scalar.complex_minimax import complex_minimax_threshold
from ..scalar.denoisers import bernoulli_gauss_mean, bernoulli_gauss_update
from ..scalar.minimax import minimax_threshold
from ..scalar.proximal import soft_threshold
from .donoho_tanner import donoho_tanner_weak
from .problem import LinearProblem

__all__ = ["AbstractDenoiser", "BernoulliGauss", "SoftThreshold"]


class AbstractDenoiser(AbstractModule):
    r"""A map $\eta(r; \tau^2)$ applied to every entry of pseudo-data $r = x_0 + \tau z$ with $z \sim N(0, I)$."""

    @abc.abstractmethod
    def start(self, problem: LinearProblem) -> PyTree:
        """The parameters before the first step: what is given, or a guess from the data."""

    @abc.abstractmethod
    def denoise(
        self, parameters: PyTree, r: Inexact[Array, " dimension"], variance: Float[Array, ""]
    ) -> tuple[Inexact[Array, " dimension"], Float[Array, " dimension"]]:
        r"""The estimate $\eta(r; \tau^2)$ and its derivative in $r$; `variance` is $\tau^2 > 0$."""

    @abc.abstractmethod
    def learn(self, parameters: PyTree, r: Inexact[Array, " dimension"], variance: Float[Array, ""]) -> PyTree:
        """Better parameters, in view of pseudo-data; the same ones where there is nothing to learn."""

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "AbstractDenoiser | None":
        """The same denoiser for problems in other units; `None`, as here, if that is not known."""
        return None


def default_threshold(sampling_ratio: Float[ArrayLike, ""], nonnegative: bool = False) -> Float[Array, ""]:
    """The multiplier that is minimax for a sampling ratio, at most that of 0.95: at one it vanishes, and with it all contraction."""
    return minimax_threshold(jnp.minimum(sampling_ratio, 0.95), nonnegative=nonnegative)


class SoftThreshold(AbstractDenoiser):
    r"""Soft thresholding $\eta(r; \tau^2) = \mathrm{sign}(r) (|r| - \alpha\tau)_+$.

    `threshold` is $\alpha$; by default it is minimax for the sampling ratio. With `nonnegative`, $(r - \alpha\tau)_+$.
    """

    threshold: Real | None = leaf(None, "nonnegative")
    nonnegative: bool = eqx.field(static=True, default=False)

    def start(self, problem: LinearProblem) -> Float[Array, ""]:
        """The multiplier of the threshold."""
        if problem.complex_data and self.nonnegative:
            raise TypeError("AMP: `nonnegative` is True, but the data are complex; False is allowed.")
        if self.threshold is not None:
            return self.threshold
        if problem.complex_data:
            return complex_minimax_threshold(problem.count / problem.dimension)
        return default_threshold(problem.count / problem.dimension, self.nonnegative)

    def denoise(self, parameters, r, variance):
        r"""Thresholds at a multiple of the noise; the derivative counts what survives.

        Of complex pseudo-data it is that in real and imaginary part, averaged: $1 - \alpha\tau / (2 |r|)$ for what survives.
        """
        level = parameters * jnp.sqrt(variance)
        x = soft_threshold(r, level, self.nonnegative)
        if jnp.iscomplexobj(r):
            return x, jnp.where(x != 0, 1 - level / (2 * jnp.maximum(jnp.abs(r), level)), 0)
        return x, (x != 0).astype(x.dtype)

    def learn(self, parameters, r, variance):
        """Nothing to learn."""
        return parameters

    def in_units(self, units, weights):
        """Itself: multiples of the noise have no unit."""
        return self


class BernoulliGauss(AbstractDenoiser):
    r"""The posterior mean under the prior $x_i \sim (1 - \epsilon) \delta_0 + \epsilon N(0, v)$.

    $$\eta(r; \tau^2) = \pi(r) \frac{v\, r}{v + \tau^2}, \qquad
      \log\frac{\pi}{1 - \pi} = \log\frac{\epsilon}{1 - \epsilon} + \frac12 \log\frac{\tau^2}{v + \tau^2}
      + \frac{r^2}{2} \left(\frac{1}{\tau^2} - \frac{1}{v + \tau^2}\right).$$

    `density` $\epsilon$ and `variance` $v$ (in units of the coefficients). Where they are not given, the density starts
    from the sparsity that the problem knows, or else from the Donoho-Tanner transition (vila2013),
    $\epsilon = \delta \rho_{DT}(\delta)$, and the variance from the energy of the data; with `refine` both are then learnt
    by expectation maximisation (krzakala2012b; vila2013), in every step as
    `recover.scalar.denoisers.bernoulli_gauss_update` has it.
    """

    density: Real | None = leaf(None, "probability")
    variance: Real | None = leaf(None, "positive")
    refine: bool = eqx.field(static=True, default=True)

    def start(self, problem: LinearProblem) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Density and variance, as given or guessed."""
        if self.density is not None:
            density = self.density
        elif problem.sparsity is not None:
            density = problem.sparsity.astype(problem.observations.dtype) / problem.dimension
        else:
            # The transition is a curve over (0, 1).
            sampling = jnp.minimum(problem.count / problem.dimension, 0.99)
            density = sampling * donoho_tanner_weak(sampling)
        density = self._within(density, problem.dimension)
        if self.variance is not None:
            return density, self.variance * problem.column_norm**2
        energy = squared_norm(problem.observations)
        signal = energy
        if problem.noise is not None:
            # Noise of known level is taken out, as long as a tenth of the energy is left to the signal.
            signal = jnp.maximum(energy - problem.count * problem.noise**2, energy / 10)
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

    def in_units(self, units, weights):
        """With the variance, if it is given, in the new unit of coefficients."""
        if self.variance is None:
            return self
        return eqx.tree_at(lambda denoiser: denoiser.variance, self, units.times(self.variance, 2, -2))

    @staticmethod
    def _within(density, dimension: int):
        """Away from 0 and 1, at which learning could not turn back, by a tenth of a coefficient."""
        return jnp.clip(density, 0.1 / dimension, 1 - 0.1 / dimension)
