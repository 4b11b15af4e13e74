"""Alternating projections of phase retrieval."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Inexact, Key

from ..core.checks import require_name
from ..core.fields import Real, Whole, integer, leaf
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .phaseless import AbstractPhaselessSolver, gram_inverse, least_squares
from .phases import phase, times
from .problem import PhaselessProblem
from .starts import AbstractPhaselessStart, MinimalThresholdStart

__all__ = ["PhaselessProjections"]

RULES = ("error reduction", "raar")


class ProjectionState(eqx.Module):
    """The point, the products of the signal read from it, that signal, and the inverse of the Gram matrix."""

    z: Inexact[Array, " rows"]
    fitted: Inexact[Array, " rows"]
    x: Inexact[Array, " dimension"]
    inverse: Inexact[Array, "n n"] | None
    progress: Progress


class PhaselessProjections(AbstractPhaselessSolver[ProjectionState]):
    r"""Projections of $z \in F^m$ onto the moduli, $M(z) = b\, z / |z|$, and onto the range, $P = A A^+$.

    - `"error reduction"` (alternating minimisation, Gerchberg and Saxton): $z \leftarrow P M(z)$, that is
      $x \leftarrow A^+ (b\, z / |z|)$;
    - `"raar"` (relaxed averaged alternating reflections):
      $z \leftarrow \beta [z + P (2 M(z) - z) - M(z)] + (1 - \beta) M(z)$, $\beta$ = `relaxation`.

    The answer is $x = A^+ M(z)$, by the inverse of $A^* A$, or for more than 1,024 unknowns by ten steps of conjugate gradients
    in every step. The `rule` is a traced number: both are one program. The second one needs no start that has seen the data:
    near its threshold it wanders for thousands of steps before it finds the signal.

    Sources: Gerchberg and Saxton (gerchberg1972) and Netrapalli, Jain and Sanghavi (netrapalli2015); Luke (luke2005).

    **Raises:** `ValueError` for an unknown rule, or a relaxation outside of (0, 1].
    """

    scaling: ClassVar = Scaling()

    rule: Whole = integer(0, most=len(RULES) - 1)
    start: AbstractPhaselessStart
    relaxation: Real = leaf(0.9, "share")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(1000, "count")

    def __init__(self, rule="raar", start=None, relaxation=0.9, tolerance=1e-5, patience=1000):
        """As the class says; the rule by name, and `MinimalThresholdStart` by default."""
        require_name("PhaselessProjections", "rule", rule, RULES)
        self.rule = RULES.index(rule)
        self.start = MinimalThresholdStart() if start is None else start
        self.relaxation, self.tolerance, self.patience = relaxation, tolerance, patience

    def init(self, problem: PhaselessProblem, key: Key[Array, ""]) -> ProjectionState:
        """The start."""
        return self.warm(problem, key, self.start(problem, key))

    def warm(
        self, problem: PhaselessProblem, key: Key[Array, ""], value: Inexact[Array, " dimension"]
    ) -> ProjectionState:
        """A given signal."""
        z, progress = problem.products(value), Progress.start(problem.observations.dtype)
        return ProjectionState(z, z, value, gram_inverse(problem), progress)

    def step(self, problem: PhaselessProblem, state: ProjectionState) -> ProjectionState:
        """One projection on the moduli and one on the range."""
        moduli = times(problem.observations, phase(state.z))
        x = least_squares(problem, state.inverse, moduli, state.x)
        fitted = problem.products(x)
        # The projection of the point on the range is what the step before has fitted.
        reflected = state.z + 2 * fitted - state.fitted - moduli
        relaxed = times(self.relaxation, reflected) + times(1 - self.relaxation, moduli)
        z = jnp.where(self.rule == 1, relaxed, fitted)
        # The point: of real data the signal read from it stays the same for many steps.
        progress = state.progress.slow_update(problem.mismatch(fitted), relative_norm(z - state.z, z))
        return ProjectionState(z, fitted, x, state.inverse, progress)
