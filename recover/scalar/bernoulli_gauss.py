r"""Bayes-optimal recovery of Bernoulli-Gauss signals: state evolution, algorithmic and information limits.

Throughout $y = A x_0 + w$ with $A_{ij} \sim N(0, 1/m)$ independent, $w \sim N(0, \sigma^2 I_m)$, $\delta =
m/n$, $\rho = k/m$, and coordinates of $x_0$ drawn from $(1-\varepsilon)\,\delta_0 + \varepsilon N(0, v)$ with
density $\varepsilon = \rho\delta$.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.root import find_root
from ..core.theory_arguments import as_floats, require_interval
from . import gaussian

__all__ = [
    "BernoulliGaussFixedPoints",
    "bernoulli_gauss_fixed_points",
    "bernoulli_gauss_mmse",
    "bernoulli_gauss_state_evolution",
    "information_limit",
    "spinodal",
]

# Effective variances, in units of the amplitudes' variance, below which a fixed point counts as exact recovery.
_EXACT = 1e-10


class BernoulliGaussFixedPoints(NamedTuple):
    """Fixed points of Bayes-optimal state evolution; every field has the broadcast shape of the arguments.

    - `algorithmic`: mean squared error reached by message passing that starts knowing only the prior.
    - `informed`: that reached from the truth; smaller where the two coexist.
    - `optimal`: that of the posterior mean: the one of the two with the smaller free energy.
    - `free_energy_gap`: free energy per coordinate, in nats, of the algorithmic fixed point less that of the
      informed one; zero where they are the same.
    """

    algorithmic: Float[Array, "..."]
    informed: Float[Array, "..."]
    optimal: Float[Array, "..."]
    free_energy_gap: Float[Array, "..."]


def bernoulli_gauss_mmse(
    density: Real[ArrayLike, "..."],
    effective_variance: Real[ArrayLike, "..."],
    variance: Real[ArrayLike, "..."] = 1.0,
) -> Float[Array, "..."]:
    r"""The minimum mean squared error of a Bernoulli-Gauss coordinate seen in Gaussian noise.

    $$\mathrm{mmse}(\varepsilon, \tau^2) = \varepsilon\frac{v\tau^2}{v+\tau^2}
      + \varepsilon\frac{v^2}{v+\tau^2} \int_0^\infty 2\varphi(s)\,s^2\,(1 - \pi(s))\,ds,$$
    $$\mathrm{logit}\,\pi(s) = \log\frac{\varepsilon}{1-\varepsilon} + \frac12\log\frac{\tau^2}{v+\tau^2} + \frac{s^2 v}{2\tau^2},$$

    where $\pi$ is the posterior probability of a nonzero at the observation $s\sqrt{v+\tau^2}$. The first
    term is the error when the support is known. Both are positive, so relative accuracy is kept as $\tau \to
    0$. The integral is a trapezoidal sum, which converges exponentially here.

    **Arguments:**

    - `density`: $\varepsilon$ in [0, 1].
    - `effective_variance`: $\tau^2 \ge 0$.
    - `variance`: $v > 0$. All three broadcast.

    **Returns:** the error in the broadcast shape.

    **Raises:** `ValueError` on concrete values outside these ranges.

    Source: Krzakala, Mézard, Sausset, Sun and Zdeborová (krzakala2012a).
    """
    require_interval("density", density, 0, 1, closed="both")
    require_interval("effective_variance", effective_variance, 0, math.inf, closed="left")
    require_interval("variance", variance, 0, math.inf, closed="neither")
    density, effective_variance, variance = jnp.broadcast_arrays(*as_floats(density, effective_variance, variance))
    return _mmse_batch(density, effective_variance, variance)


def bernoulli_gauss_state_evolution(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    steps: int,
    *,
    variance: Real[ArrayLike, "..."] = 1.0,
) -> Float[Array, "... {steps}+1"]:
    r"""The predicted error of Bayes-optimal AMP after 0, 1, ..., `steps` iterations from zero.

    $$q_{t+1} = \mathrm{mmse}\big(\varepsilon,\ \sigma^2 + q_t/\delta\big), \qquad q_0 = \varepsilon v.$$

    **Arguments:**

    - `sampling_ratio`: $\delta > 0$. `relative_sparsity`: $\rho \ge 0$ with $\rho\delta \le 1$.
    - `noise`: the standard deviation $\sigma \ge 0$. `variance`: $v > 0$. These four broadcast.
    - `steps`: number of iterations, static.

    **Returns:** $q_t = E\|x^t - x_0\|^2 / n$, shape `(..., steps + 1)`.

    **Raises:** `ValueError` on concrete values outside these ranges.

    Source: Krzakala et al. (krzakala2012a).
    """
    arguments = _problem(sampling_ratio, relative_sparsity, noise, variance)
    return _trajectory(*arguments, steps)


def bernoulli_gauss_fixed_points(
    sampling_ratio: Real[ArrayLike, "..."],
    relative_sparsity: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."],
    *,
    variance: Real[ArrayLike, "..."] = 1.0,
) -> BernoulliGaussFixedPoints:
    r"""Where Bayes-optimal state evolution ends, from an uninformed and from an informed start.

    Solves $\tau^2 = \sigma^2 + \mathrm{mmse}(\varepsilon, \tau^2)/\delta$ for its largest and smallest root:
    brackets on a grid of 256 points in $\log\tau^2$, then bisection. Which of the two the posterior mean has
    is decided by the free energy

    $$i(\tau^2) = I(X; X + \tau Z) + \frac{\delta}{2}\Big[\log\frac{\tau^2}{\sigma^2} - 1 + \frac{\sigma^2}{\tau^2}\Big], \qquad
      \frac{di}{d\tau^2} = \frac{\delta(\tau^2 - \sigma^2) - \mathrm{mmse}(\varepsilon, \tau^2)}{2\tau^4},$$

    whose stationary points they are; the gap is the integral of the derivative between them.

    **Arguments:** as for `bernoulli_gauss_state_evolution`, without `steps`.

    **Returns:** a `BernoulliGaussFixedPoints` of mean squared errors per coordinate. Errors that noiseless
    state evolution takes below $10^{-10}$ of the amplitudes' variance are reported as zero, with an infinite
    gap where the other is not. Two roots closer than the grid are reported as absent; this matters only
    within a relative $10^{-3}$ of a spinodal.

    Sources: Krzakala et al. (krzakala2012b); the derivative of the mutual information is that of Guo, Shamai and Verdú
    (guo2005); the formula is proved by Reeves and Pfister (reeves2019a) and Barbier, Dia, Macris and Krzakala
    (barbier2016).
    """
    arguments = _problem(sampling_ratio, relative_sparsity, noise, variance)
    return BernoulliGaussFixedPoints(*_fixed_points(*arguments))


def spinodal(sampling_ratio: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The relative sparsity up to which noiseless Bayes-optimal AMP recovers a Bernoulli-Gauss signal exactly.

    $\rho = \varepsilon/\delta$ for the smallest density at which state evolution has a nonzero fixed point,

    $$\max_{\tau^2} \frac{\mathrm{mmse}(\varepsilon, \tau^2)}{\delta\tau^2} = 1.$$

    A coarse grid finds the maximum, Newton's method on the pair (value, stationarity) refines it. The
    variance of the amplitudes does not matter.

    **Arguments:**

    - `sampling_ratio`: $\delta$ in (0, 1], any shape; computed for $[10^{-3}, 0.999]$ and clamped to it, except that
      the limit 1 is 1.

    **Returns:** $\rho$ of the same shape.

    **Raises:** `ValueError` on concrete ratios outside (0, 1].

    Source: Krzakala et al. (krzakala2012a).
    """
    require_interval("sampling_ratio", sampling_ratio, 0, 1)
    (sampling_ratio,) = as_floats(sampling_ratio)
    return _spinodal(sampling_ratio)


def information_limit(
    sampling_ratio: Real[ArrayLike, "..."],
    noise: Real[ArrayLike, "..."] = 0.0,
    *,
    variance: Real[ArrayLike, "..."] = 1.0,
) -> Float[Array, "..."]:
    r"""The relative sparsity up to which the posterior mean has the small error, whatever the cost of computing it.

    Without noise this is $\rho = 1$: as many measurements as nonzeros. With noise it is where the two fixed
    points of `bernoulli_gauss_fixed_points` have the same free energy (the first-order transition); above it
    the error of the posterior mean jumps to the algorithmic one. There is no such line where the noise is so
    large that the error grows continuously with the sparsity.

    **Arguments:** all broadcast.

    - `sampling_ratio`: $\delta$ in (0, 1].
    - `noise`: the standard deviation $\sigma \ge 0$.
    - `variance`: $v > 0$.

    **Returns:** $\rho$ in the broadcast shape; NaN where there is no transition, or where both fixed points coexist
    on less than 1/96 in $\rho$. Accurate to about 1e-4.

    **Raises:** `ValueError` on concrete values outside these ranges.

    Sources: as for `bernoulli_gauss_fixed_points`.
    """
    require_interval("sampling_ratio", sampling_ratio, 0, 1)
    require_interval("noise", noise, 0, math.inf, closed="left")
    require_interval("variance", variance, 0, math.inf, closed="neither")
    sampling_ratio, noise, variance = jnp.broadcast_arrays(*as_floats(sampling_ratio, noise, variance))
    return _information_limit(sampling_ratio, noise, variance)


def _problem(sampling_ratio, relative_sparsity, noise, variance):
    require_interval("sampling_ratio", sampling_ratio, 0, math.inf, closed="neither")
    require_interval("relative_sparsity", relative_sparsity, 0, math.inf, closed="left")
    require_interval("noise", noise, 0, math.inf, closed="left")
    require_interval("variance", variance, 0, math.inf, closed="neither")
    arguments = jnp.broadcast_arrays(*as_floats(sampling_ratio, relative_sparsity, noise, variance))
    # A rounding error in the product is not the caller's.
    density = arguments[0] * arguments[1]
    require_interval("relative_sparsity * sampling_ratio", density, 0, 1 + 1e-6, closed="both")
    return arguments


def _mmse(density, t):
    """The error at unit amplitude variance, for scalars."""
    dtype = t.dtype
    density = jnp.clip(density, jnp.finfo(dtype).tiny, 1 - jnp.finfo(dtype).epsneg)
    t = jnp.maximum(t, 1e-20)
    shrink = t / (1 + t)
    offset = jnp.log(density) - jnp.log1p(-density) + 0.5 * jnp.log(shrink)
    # In r = observation / noise level the integrand is smooth on the scale of one for every t. It ends where the slab's
    # density does, or a few units behind the point where the posterior decides for a nonzero.
    scale = jnp.sqrt(shrink)
    end = jnp.minimum(8.5 / scale, jnp.sqrt(80 + 2 * jnp.maximum(-offset, 0)))
    r = end * jnp.linspace(1 / 128, 1, 128, dtype=dtype)
    s = scale * r
    spike = jax.nn.sigmoid(-(offset + 0.5 * r**2 / (1 + t)))
    undecided = jnp.sum(2 * gaussian.density(s) * s**2 * spike) * scale * end / 128
    return density * (shrink + undecided / (1 + t))


@jax.jit
def _mmse_batch(density, effective_variance, variance):
    def scaled(density, t, variance):
        return variance * _mmse(density, t / variance)

    return jnp.vectorize(scaled)(density, effective_variance, variance)


@partial(jax.jit, static_argnames="steps")
def _trajectory(sampling_ratio, relative_sparsity, noise, variance, steps):
    @partial(jnp.vectorize, signature="(),(),(),()->(t)")
    def trajectory(ratio, sparsity, noise, variance):
        density = ratio * sparsity

        def step(mse, _):
            mse = _mmse(density, noise**2 / variance + mse / ratio)
            return mse, mse

        _, errors = jax.lax.scan(step, density, length=steps)
        return variance * jnp.concatenate([density[None], errors])

    return trajectory(sampling_ratio, relative_sparsity, noise, variance)


def _residual(log_t, arguments):
    """Logarithm of the right-hand side of state evolution over its argument: positive below a stable fixed point."""
    ratio, density, noise_variance = arguments
    return jnp.log(noise_variance + _mmse(density, jnp.exp(log_t)) / ratio) - log_t


class _Brackets(NamedTuple):
    """Grid cells of log t with the largest and the smallest stable fixed point, and whether there is any."""

    grid: Float[Array, " points"]
    values: Float[Array, " points"]
    largest: Array
    smallest: Array
    exists: Array
    informed_exact: Array

    def interpolate(self, cell):
        left, right = self.values[cell], self.values[cell + 1]
        step = self.grid[cell + 1] - self.grid[cell]
        slope = jnp.where(left > right, left - right, 1)
        return self.grid[cell] + step * jnp.clip(left / slope, 0, 1)


def _bracket(arguments) -> _Brackets:
    ratio, density, noise_variance = arguments
    lower = jnp.log(jnp.maximum(noise_variance, _EXACT)) - 1e-3
    upper = jnp.log(noise_variance + jnp.maximum(density, 1e-6) / ratio) + 1e-3
    grid = lower + jnp.maximum(upper - lower, 1e-3) * jnp.linspace(0, 1, 256, dtype=ratio.dtype)
    values = jax.vmap(lambda log_t: _residual(log_t, arguments))(grid)
    crossing = (values[:-1] >= 0) & (values[1:] < 0)
    smallest = jnp.argmax(crossing)
    largest = crossing.size - 1 - jnp.argmax(crossing[::-1])
    return _Brackets(grid, values, largest, smallest, jnp.any(crossing), values[0] < 0)


def _free_energy_gap(low, high, arguments):
    """The free energy at log t = `high` less that at `low`; both are stationary points, so held constant."""
    ratio, density, noise_variance = arguments
    low, high = jax.lax.stop_gradient((low, high))
    nodes, weights = np.polynomial.legendre.leggauss(48)
    t = jnp.exp(low + (high - low) * jnp.asarray(0.5 * (nodes + 1), ratio.dtype))
    slope = (ratio * (t - noise_variance) - jax.vmap(lambda t: _mmse(density, t))(t)) / (2 * t)
    return (high - low) * jnp.sum(jnp.asarray(0.5 * weights, ratio.dtype) * slope)


@jax.jit
def _fixed_points(sampling_ratio, relative_sparsity, noise, variance):
    @partial(jnp.vectorize, signature="(),(),(),()->(),(),(),()")
    def fixed_points(ratio, sparsity, noise, variance):
        arguments = (ratio, ratio * sparsity, noise**2 / variance)
        brackets = _bracket(jax.lax.stop_gradient(arguments))

        def polish(cell):
            return find_root(
                _residual,
                optx.Bisection(rtol=1e-13, atol=1e-13, flip=True),
                brackets.interpolate(cell),
                arguments,
                max_steps=44 if ratio.dtype == jnp.float64 else 20,
                options={"lower": brackets.grid[cell], "upper": brackets.grid[cell + 1]},
            )

        high, low = polish(brackets.largest), polish(brackets.smallest)
        # Without noise the grid starts at the level of exact recovery, from where the residual is negative if exact
        # recovery is a stable fixed point.
        low_exact = brackets.informed_exact | ~brackets.exists
        distinct = brackets.exists & (low_exact | (brackets.largest > brackets.smallest))
        gap = jnp.where(distinct & ~low_exact, _free_energy_gap(low, high, arguments), 0)
        gap = jnp.where(distinct & low_exact, jnp.inf, gap)
        algorithmic = jnp.where(brackets.exists, variance * _mmse(arguments[1], jnp.exp(high)), 0)
        informed = jnp.where(low_exact, 0, variance * _mmse(arguments[1], jnp.exp(low)))
        return algorithmic, informed, jnp.where(gap > 0, informed, algorithmic), gap

    return fixed_points(sampling_ratio, relative_sparsity, noise, variance)


@jax.jit
def _spinodal(sampling_ratio):
    def log_gain(unknowns, ratio):
        log_t, sparsity = unknowns
        return jnp.log(_mmse(sparsity * ratio, jnp.exp(log_t)) / ratio) - log_t

    def conditions(unknowns, ratio):
        value, slope = jax.value_and_grad(log_gain)(unknowns, ratio)
        return jnp.stack([value, slope[0]])

    def tangency(ratio):
        # Denser towards one, where the curves of nearby sparsities have their maxima far apart.
        sparsities = 1 - jnp.linspace(0.99, 0.0, 64, dtype=ratio.dtype) ** 2
        log_t = jnp.linspace(math.log(1e-9), math.log(3), 128, dtype=ratio.dtype)
        gains = jax.vmap(lambda sparsity: jax.vmap(lambda log_t: log_gain((log_t, sparsity), ratio))(log_t))(sparsities)
        first = jnp.argmax(jnp.max(gains, axis=1) > 0)
        guess = jnp.stack([log_t[jnp.argmax(gains[first])], sparsities[first]])
        solution = optx.root_find(
            conditions,
            optx.Newton(rtol=1e-6, atol=1e-6),
            guess,
            args=ratio,
            max_steps=16,
            throw=False,
        )
        return solution.value

    @jnp.vectorize
    def limit(ratio):
        ratio = jnp.clip(ratio, 1e-3, 0.999)
        log_t, sparsity = jax.lax.stop_gradient(tangency(jax.lax.stop_gradient(ratio)))
        # The gain is stationary in log t, so the derivative is that of the root at fixed log t.
        return find_root(
            lambda sparsity, args: log_gain((args[0], sparsity), args[1]),
            optx.Newton(rtol=1e-6, atol=1e-6),
            sparsity,
            (log_t, ratio),
            max_steps=2,
        )

    return jnp.where(sampling_ratio < 1, limit(sampling_ratio), 1)


@jax.jit
def _information_limit(sampling_ratio, noise, variance):
    @jnp.vectorize
    def limit(ratio, noise, variance):
        noisy = noise > 0
        noise_variance = jnp.where(noisy, noise**2 / variance, 0.01)

        def phases(sparsity, ratio, noise_variance):
            arguments = (ratio, ratio * sparsity, noise_variance)
            brackets = _bracket(jax.lax.stop_gradient(arguments))
            low, high = brackets.interpolate(brackets.smallest), brackets.interpolate(brackets.largest)
            coexist = brackets.largest > brackets.smallest
            return low, high, coexist, _free_energy_gap(low, high, arguments)

        sparsities = jnp.linspace(1 / 96, 1, 96, dtype=ratio.dtype)
        low, high, coexist, gap = jax.lax.map(
            lambda sparsity: phases(sparsity, *jax.lax.stop_gradient((ratio, noise_variance))), sparsities
        )
        nearest = jnp.argmin(jnp.where(coexist, jnp.abs(gap), jnp.inf))
        divide = 0.5 * (low[nearest] + high[nearest])

        def preference(sparsity, arguments):
            *problem, divide = arguments
            low, _, coexist, gap = phases(sparsity, *problem)
            # Outside the coexistence region the only fixed point belongs to one of the two branches.
            return jnp.where(coexist, gap, jnp.where(low < divide, 1, -1))

        transition = find_root(
            preference,
            optx.Bisection(rtol=1e-9, atol=1e-9, flip=True),
            sparsities[nearest],
            (ratio, noise_variance, jax.lax.stop_gradient(divide)),
            max_steps=40 if ratio.dtype == jnp.float64 else 20,
            options={"lower": sparsities[0], "upper": sparsities[-1]},
        )
        return jnp.where(noisy, jnp.where(jnp.any(coexist), transition, jnp.nan), 1)

    return limit(sampling_ratio, noise, variance)
