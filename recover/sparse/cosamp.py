"""Compressive sampling matching pursuit."""

from typing import ClassVar

import jax.numpy as jnp

from ..core.adjoint import Optimality, held
from ..core.fields import Real, Whole, leaf
from ..core.selection import hard_threshold, largest_mask
from ..core.solver import Certificate
from ..core.units import Scaling, always
from .iterative_hard_thresholding import HardThresholdingState, advance, certificate, start
from .linear import AbstractLinearSolver
from .optimality import fitted
from .problem import LinearProblem
from .restricted_least_squares import restricted_least_squares

__all__ = ["CoSaMP"]


class CoSaMP(AbstractLinearSolver[HardThresholdingState]):
    r"""Compressive sampling matching pursuit, of Needell and Tropp (needell2009).

    $$U = \mathrm{supp}\, x^t \cup \mathrm{supp}\, H_{2k}\left(A^\top (y - A x^t)\right), \qquad
      x^{t+1} = H_k\left(\arg\min \{\|y - A b\| : \mathrm{supp}\, b \subseteq U\}\right).$$

    Needs $3k \le m$ for the fit to be unique; beyond that it is the fit closest to the last iterate. Where it fails it
    cycles, and ends as stalled. `sparsity=None` takes the problem's, or else the tuning-free rule of
    `resolve_sparsity`, at most m/3.
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
        """Least squares on the merged support, of which the largest are kept."""
        merged, fit = self._fit(held(problem), state)
        return fitted(problem, fit, merged, lambda fit: jnp.where(state.x != 0, fit, 0))

    def step(self, problem: LinearProblem, state: HardThresholdingState) -> HardThresholdingState:
        """Merges the support with 2k candidates, fits, and keeps the k largest coefficients."""
        x = hard_threshold(self._fit(problem, state)[1], state.sparsity)
        return advance(problem, state, x, problem.residual(x))

    def _fit(self, problem: LinearProblem, state: HardThresholdingState):
        """The merged support, and the fit on it."""
        gradient = problem.adjoint(state.residual)
        merged = (state.x != 0) | largest_mask(jnp.abs(gradient), 2 * state.sparsity)
        return merged, restricted_least_squares(problem, merged, state.x)
