"""Generalised approximate message passing for phaseless observations."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import i0e, i1e
from jaxtyping import Array, Float, Inexact, Key

from ..core.fields import Real, Whole, leaf
from ..core.numbers import ratio
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .phaseless import AbstractPhaselessSolver
from .phases import modulus, phase, times
from .problem import PhaselessProblem
from .starts import AbstractPhaselessStart, MinimalThresholdStart

__all__ = ["PhaselessGAMP"]

_FAR = 200.0


class GAMPState(eqx.Module):
    """The signal in units of its size, the variance of its entries, and the messages of the outputs."""

    x: Inexact[Array, " dimension"]
    variance: Float[Array, ""]
    messages: Inexact[Array, " rows"]
    progress: Progress


class PhaselessGAMP(AbstractPhaselessSolver[GAMPState]):
    r"""Message passing with the Bayes-optimal output for moduli without noise and a Gaussian signal.

    In units in which entries of $A$ have variance $1 / n$ and those of $x$ variance one, with $V = c$,

    $$\begin{aligned}
    w &= A x - V g, & \hat z &= b\, \tfrac{w}{|w|}\, h\Big(\frac{|w| b}{V}\Big), & v &= b^2 - |\hat z|^2, \\
    g &= \frac{\hat z - w}{V}, & S &= \frac{n}{m} \Big\langle \frac{1 - v / V}{V} \Big\rangle^{-1}, & R &= x + S A^* g, \qquad
    x \leftarrow \frac{R}{1 + S}, \quad c \leftarrow \frac{S}{1 + S},
    \end{aligned}$$

    with $h = \tanh$ of real data and $h(k) = I_1(2k) / I_0(2k)$ of complex data. `relaxation` is the share of the new $x$ in a step. It starts
    from $\sqrt q$ times `start`, `overlap` $q$, with $c = 1 - q$ and $g = 0$. It finds the signal of a Gaussian matrix from 1.13 (real) and
    2.03 (complex) observations for every unknown on, in the limit; other matrices may make it diverge.

    Sources: Rangan (rangan2011); Barbier, Krzakala, Macris, Miolane and Zdeborová (barbier2019) for its limits; Maillard, Loureiro,
    Krzakala and Zdeborová (maillard2020) for complex data.
    """

    scaling: ClassVar = Scaling()

    start: AbstractPhaselessStart = eqx.field(default_factory=MinimalThresholdStart)
    overlap: Real = leaf(0.36, "probability")
    relaxation: Real = leaf(0.9, "share")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(200, "count")

    def init(self, problem: PhaselessProblem, key: Key[Array, ""]) -> GAMPState:
        """The start, shrunk."""
        x = times(jnp.sqrt(self.overlap) * ratio(1, _size(problem)), self.start(problem, key))
        dtype = problem.observations.dtype
        none = jnp.zeros(problem.observations.shape, problem.signal_dtype)
        return GAMPState(x, jnp.asarray(1 - self.overlap, dtype), none, Progress.start(dtype))

    def step(self, problem: PhaselessProblem, state: GAMPState) -> GAMPState:
        """One pass of messages."""
        scale = jnp.asarray(problem.dimension**-0.5, problem.observations.dtype)
        moduli = problem.observations * ratio(1, problem.power**0.5)
        # Far below what precision tells apart; it keeps a solved problem from dividing by zero.
        variance = jnp.maximum(state.variance, jnp.finfo(moduli.dtype).eps ** 2)
        fitted = times(scale, problem.products(state.x))
        mean = fitted - times(variance, state.messages)
        size = modulus(mean)
        signal = size * moduli / variance
        share, spread = _bessel(2 * signal) if problem.complex_data else _tangent(signal)
        expected = times(moduli * share, phase(mean))
        left = moduli**2 * spread
        messages = times(1 / variance, expected - mean)
        sharpness = jnp.sum(jnp.where(problem.mask, 1 - left / variance, 0)) / (problem.count * variance)
        noise = ratio(1, problem.sampling * sharpness, 1)
        pseudo_data = state.x + times(noise * scale, problem.back_projection(messages))
        x = state.x + times(self.relaxation, times(1 / (1 + noise), pseudo_data) - state.x)
        mismatch = relative_norm(moduli - modulus(fitted), moduli)
        progress = state.progress.slow_update(mismatch, relative_norm(x - state.x, x))
        return GAMPState(x, noise / (1 + noise), messages, progress)

    def estimate(self, problem: PhaselessProblem, state: GAMPState) -> Inexact[Array, " dimension"]:
        """The signal in the units of the data."""
        return times(_size(problem), state.x)


def _tangent(k: Float[Array, " rows"]) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
    """The hyperbolic tangent t, and 1 - t^2."""
    return jnp.tanh(k), 1 - jnp.tanh(k) ** 2


def _bessel(k: Float[Array, " rows"]) -> tuple[Float[Array, " rows"], Float[Array, " rows"]]:
    r"""$t = I_1(k) / I_0(k)$, and $1 - t^2$, which from a large $k$ on cancels: there it is that of the asymptotic series."""
    share = i1e(k) / i0e(k)
    far = jnp.maximum(k, _FAR)
    return share, jnp.where(k > _FAR, 1 / far + 1 / (8 * far**3), 1 - share**2)


def _size(problem: PhaselessProblem) -> Float[Array, ""]:
    """Root mean square of the entries of the signal."""
    return jnp.sqrt(problem.power / problem.dimension)
