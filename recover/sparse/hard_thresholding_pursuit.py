"""Hard thresholding pursuit."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, leaf
from ..core.selection import largest_mask
from ..core.solver import Certificate
from ..core.units import Scaling, always
from .iterative_hard_thresholding import HardThresholdingState, advance, certificate, exact_step, start, warm
from .linear import AbstractLinearSolver
from .optimality import fitted
from .problem import LinearProblem
from .restricted_least_squares import restricted_least_squares

__all__ = ["HTP"]


class HTP(AbstractLinearSolver[HardThresholdingState]):
    r"""Hard thresholding pursuit, of Foucart (foucart2011): a thresholded gradient step chooses the support, least squares fits it.

    $$S^{t+1} = \mathrm{supp}\, H_k\left(x^t + \mu A^\top (y - A x^t)\right), \qquad
      x^{t+1} = \arg\min \{\|y - A x\| : \mathrm{supp}\, x \subseteq S^{t+1}\}.$$

    With `step_size=None` the step is normalised: $\mu = \|g_U\|^2 / \|A g_U\|^2$ for the $k$ largest entries $U$ of the
    gradient $g$ (on the current support the gradient vanishes after a least-squares fit). A given step is in units
    of $1/c^2$, with $c$ the root mean square norm of the columns. `sparsity=None` takes the problem's, or else the
    tuning-free rule of `resolve_sparsity`.
    """

    scaling: ClassVar = Scaling(columns=always)

    sparsity: Whole | None = leaf(None, "count")
    step_size: Real | None = leaf(None, "positive")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(30, "count")

    def init(self, problem: LinearProblem, key) -> HardThresholdingState:
        """Zero coefficients."""
        return start(self, problem)

    def warm(self, problem: LinearProblem, key, value: Float[Array, " dimension"]) -> HardThresholdingState:
        """The largest of given coefficients."""
        return warm(self, problem, value)

    def certificate(self, problem: LinearProblem, state: HardThresholdingState) -> Certificate:
        """The residual within the noise, or else a support that thresholding keeps (`support_excess`)."""
        return certificate(self, problem, state)

    def optimality(self, problem: LinearProblem, state: HardThresholdingState) -> Optimality:
        """Least squares on the support."""
        return fitted(problem, state.x)

    def step(self, problem: LinearProblem, state: HardThresholdingState) -> HardThresholdingState:
        """A new support and its fit."""
        gradient = problem.adjoint(state.residual)
        if self.step_size is None:
            top = largest_mask(jnp.abs(gradient), state.sparsity)
            size = exact_step(problem, jnp.where(top, gradient, 0))
        else:
            size = self.step_size / problem.column_norm**2
        support = largest_mask(jnp.abs(state.x + size * gradient), state.sparsity)
        x = restricted_least_squares(problem, support, state.x)
        return advance(problem, state, x, problem.residual(x))
