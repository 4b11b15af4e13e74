"""PhaseMax: the convex relaxation of phase retrieval around an anchor."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key

from ..core.fields import Real, Whole, leaf
from ..core.numbers import ratio
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .phaseless import AbstractPhaselessSolver, gram_inverse, least_squares
from .phases import modulus, times
from .problem import PhaselessProblem
from .starts import AbstractPhaselessStart, MinimalThresholdStart

__all__ = ["PhaseMax"]


class PhaseMaxState(eqx.Module):
    """The signal, its products within the moduli, the scaled multipliers, the objective, and the inverse of the Gram matrix."""

    x: Inexact[Array, " dimension"]
    z: Inexact[Array, " rows"]
    multipliers: Inexact[Array, " rows"]
    objective: Inexact[Array, " dimension"]
    inverse: Inexact[Array, "n n"] | None
    progress: Progress


class PhaseMax(AbstractPhaselessSolver[PhaseMaxState]):
    r"""The point of a convex set that reaches farthest in the direction of an anchor, which is the `start`.

    $$\max_x\ \mathrm{Re} \langle c, x \rangle \quad \text{subject to} \quad |(A x)_i| \le b_i,$$

    a linear program of real data, by the alternating direction method of multipliers: with $\Pi$ the projection of every
    entry on its disc,

    $$x \leftarrow (A^* A)^{-1} \big(A^* (z - u) + \kappa\, m\, c\big), \qquad z \leftarrow \Pi(A x + u), \qquad u \leftarrow u + A x - z.$$

    `weight` $\kappa$ says how much the objective counts at first; it changes the speed, not the answer. The signal is recovered
    from enough observations for the cosine of anchor and signal: see `recover.theory.phasemax_threshold`.

    Sources: Goldstein and Studer (goldstein2018); Bahmani and Romberg (bahmani2017); Boyd, Parikh, Chu, Peleato and Eckstein
    (boyd2011), for the iteration.
    """

    scaling: ClassVar = Scaling()

    start: AbstractPhaselessStart = eqx.field(default_factory=MinimalThresholdStart)
    weight: Real = leaf(0.1, "positive")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(500, "count")

    def init(self, problem: PhaselessProblem, key: Key[Array, ""]) -> PhaseMaxState:
        """The anchor, and products of zero."""
        anchor = self.start(problem, key)
        none = jnp.zeros(problem.observations.shape, problem.signal_dtype)
        progress = Progress.start(problem.observations.dtype)
        return PhaseMaxState(anchor, none, none, anchor, gram_inverse(problem), progress)

    def step(self, problem: PhaselessProblem, state: PhaseMaxState) -> PhaseMaxState:
        """One round of the three updates."""
        moduli, pull = problem.observations, times(self.weight * problem.count, state.objective)
        inverse = state.inverse
        x = least_squares(problem, inverse, state.z - state.multipliers, state.x)
        x = x + (times(1 / problem.count, pull) if inverse is None else inverse @ pull)
        products = problem.products(x)
        wanted = products + state.multipliers
        size = modulus(wanted)
        z = times(jnp.minimum(ratio(moduli, size, 1), 1), wanted)
        # Neither products outside of the discs nor moving ones are an answer.
        gap = relative_norm(products - z, moduli)
        change: Float[Array, ""] = relative_norm(x - state.x, x) + gap
        progress = state.progress.slow_update(problem.mismatch(products), change)
        return PhaseMaxState(x, z, wanted - z, state.objective, inverse, progress)
