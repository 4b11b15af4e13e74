"""Subspace pursuit."""

from typing import ClassVar

import jax.numpy as jnp

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, leaf
from ..core.numbers import squared_norm
from ..core.selection import largest_mask
from ..core.solver import Certificate
from ..core.units import Scaling, always
from .iterative_hard_thresholding import HardThresholdingState, advance, certificate, start
from .linear import AbstractLinearSolver
from .optimality import fitted
from .problem import LinearProblem
from .restricted_least_squares import restricted_least_squares

__all__ = ["SubspacePursuit"]


class SubspacePursuit(AbstractLinearSolver[HardThresholdingState]):
    r"""Subspace pursuit, of Dai and Milenkovic (dai2009).

    $$U = S^t \cup \mathrm{supp}\, H_k\left(A^\top (y - A x^t)\right), \quad
      b = \arg\min_{\mathrm{supp}\, b \subseteq U} \|y - A b\|, \quad S^{t+1} = \mathrm{supp}\, H_k(b), \quad
      x^{t+1} = \arg\min_{\mathrm{supp}\, x \subseteq S^{t+1}} \|y - A x\|.$$

    A step that does not lower the residual is not taken, and the iteration has then converged. `sparsity=None` takes
    the problem's, or else the tuning-free rule of `resolve_sparsity`, at most m/3 so that fits on 2k columns are stable.
    """

    scaling: ClassVar = Scaling(columns=always)

    sparsity: Whole | None = leaf(None, "count")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(30, "count")

    def init(self, problem: LinearProblem, key) -> HardThresholdingState:
        """Zero coefficients."""
        return start(self, problem, limit=1 / 3)

    def certificate(self, problem: LinearProblem, state: HardThresholdingState) -> Certificate:
        """The residual within the noise, or else a support that thresholding keeps (`support_excess`)."""
        return certificate(self, problem, state)

    def optimality(self, problem: LinearProblem, state: HardThresholdingState) -> Optimality:
        """Least squares on the support."""
        return fitted(problem, state.x)

    def step(self, problem: LinearProblem, state: HardThresholdingState) -> HardThresholdingState:
        """Merges the support with k candidates, fits, keeps the k largest and fits again."""
        gradient = problem.adjoint(state.residual)
        merged = (state.x != 0) | largest_mask(jnp.abs(gradient), state.sparsity)
        fit = restricted_least_squares(problem, merged, state.x)
        support = largest_mask(jnp.abs(fit), state.sparsity)
        x = restricted_least_squares(problem, support, fit)
        residual = problem.residual(x)
        # "Not lower" rather than "larger or equal", so that a residual that is not a number is taken and seen.
        worse = squared_norm(residual) >= squared_norm(state.residual)
        return advance(problem, state, jnp.where(worse, state.x, x), jnp.where(worse, state.residual, residual))
