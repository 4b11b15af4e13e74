"""First-order methods of phase retrieval, and starts as answers."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Int, Key

from ..core.fields import Real, Whole, leaf
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .losses import AbstractPhaselessLoss, as_loss
from .phaseless import AbstractPhaselessSolver
from .phases import times
from .problem import PhaselessProblem
from .starts import AbstractPhaselessStart, MinimalThresholdStart

__all__ = ["PhaselessFlow", "PhaselessStart"]


class FlowState(eqx.Module):
    """The signal, its products with the operator, and how many steps were taken."""

    x: Inexact[Array, " dimension"]
    z: Inexact[Array, " rows"]
    number: Int[Array, ""]
    progress: Progress


class PhaselessFlow(AbstractPhaselessSolver[FlowState]):
    r"""Gradient-like steps on a loss of moduli or intensities, from a start.

    $$x \leftarrow x - \frac{\mu_t}{m} A^* g(A x, b).$$

    - `loss`: a rule for $g$ and $\mu_t$ of `recover.phaseless_losses`, or a name: `"intensity"` (Wirtinger flow),
      `"truncated poisson"` (truncated Wirtinger flow), `"amplitude"` (amplitude flow), `"truncated amplitude"` (truncated
      amplitude flow) or `"reweighted amplitude"` (reweighted amplitude flow), which is the default.
    - `start`: any start of `recover.initialisers`; `MinimalThresholdStart` by default.

    A step takes one product with $A$ and one with $A^*$. Constants are the authors'; a sweep over rules and starts is one program
    by `ChosenLoss` and `ChosenStart`.

    Sources: Candès, Li and Soltanolkotabi (candes2015); Chen and Candès (chen2017); Wang, Giannakis and Eldar (wang2018); Wang,
    Giannakis, Saad and Chen (wang2017).

    **Raises:** `ValueError` for an unknown name.
    """

    scaling: ClassVar = Scaling()

    loss: AbstractPhaselessLoss = eqx.field(converter=as_loss, default="reweighted amplitude")
    start: AbstractPhaselessStart = eqx.field(default_factory=MinimalThresholdStart)
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(500, "count")

    def init(self, problem: PhaselessProblem, key: Key[Array, ""]) -> FlowState:
        """The start."""
        return self.warm(problem, key, self.start(problem, key))

    def warm(self, problem: PhaselessProblem, key: Key[Array, ""], value: Inexact[Array, " dimension"]) -> FlowState:
        """A given signal."""
        progress = Progress.start(problem.observations.dtype)
        return FlowState(value, problem.products(value), jnp.zeros((), jnp.int32), progress)

    def step(self, problem: PhaselessProblem, state: FlowState) -> FlowState:
        """One step along the slopes."""
        direction = problem.back_projection(self.loss.slopes(problem, state.x, state.z))
        x = state.x - times(self.loss.step(problem, state.number) / problem.count, direction)
        z = problem.products(x)
        progress = state.progress.slow_update(problem.mismatch(z), relative_norm(x - state.x, x))
        return FlowState(x, z, state.number + 1, progress)


class StartState(eqx.Module):
    """The signal, and its mismatch after the only step."""

    x: Inexact[Array, " dimension"]
    mismatch: Float[Array, ""]


class PhaselessStart(AbstractSolver[PhaselessProblem, StartState]):
    """A start as the answer, to see how good it is: there is one step, which compares it with the data.

    `start` is any start of `recover.initialisers`; `MinimalThresholdStart` by default.
    """

    scaling: ClassVar = Scaling()

    start: AbstractPhaselessStart = eqx.field(default_factory=MinimalThresholdStart)

    def init(self, problem: PhaselessProblem, key: Key[Array, ""]) -> StartState:
        """The start."""
        return StartState(self.start(problem, key), jnp.full((), jnp.inf, problem.observations.dtype))

    def step(self, problem: PhaselessProblem, state: StartState) -> StartState:
        """The start again, compared with the data."""
        return StartState(state.x, problem.mismatch(problem.products(state.x)))

    def status(self, problem: PhaselessProblem, state: StartState) -> Result:
        """Converged after the step."""
        result = Result.where(jnp.isinf(state.mismatch), Result.running, Result.converged)
        return Result.where(jnp.isnan(state.mismatch), Result.diverged, result)

    def estimate(self, problem: PhaselessProblem, state: StartState) -> Inexact[Array, " dimension"]:
        """The start."""
        return state.x

    def stats(self, problem: PhaselessProblem, state: StartState) -> dict[str, Array]:
        r"""The relative `mismatch` $\||A x| - b\| / \|b\|$."""
        return {"mismatch": state.mismatch}
