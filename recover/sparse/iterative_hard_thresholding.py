"""Iterative hard thresholding, with a fixed and with an adapted step."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, leaf
from ..core.numbers import ratio, squared_norm
from ..core.selection import hard_threshold, largest_mask
from ..core.solver import Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling, always
from .certificates import support_excess
from .linear import AbstractLinearSolver, Best, zeros
from .optimality import fitted
from .problem import LinearProblem
from .sparsity import resolve_sparsity

__all__ = ["IHT", "NormalizedIHT"]

# The constants c and kappa of Blumensath and Davies, and how often their step may shrink within one iteration.
_MARGIN = 0.01
_SHRINK = 2.0
_MOST_SHRINKS = 20
# With a fixed step the transition lies at about half of Donoho and Tanner's. Keeping more coefficients than that lets
# the iteration diverge, however sparse the truth: with a third of the curve it converged in all but 1 of 288 trials.
_FIXED_STEP_SHARE = 1 / 3


class HardThresholdingState(eqx.Module):
    """A sparse iterate, its residual y - A x, how many coefficients it may have, and the best iterate so far."""

    x: Float[Array, " dimension"]
    residual: Float[Array, " rows"]
    sparsity: Int[Array, ""]
    progress: Progress
    best: Best


def start(owner, problem: LinearProblem, share: float = 1.0, limit: float = 1.0) -> HardThresholdingState:
    """Zero coefficients: the residual is the data. `share` and `limit` are those of `resolve_sparsity`."""
    sparsity = resolve_sparsity(owner, problem, share, limit)
    progress = Progress.start(problem.observations.dtype)
    x = zeros(problem)
    return HardThresholdingState(x, problem.observations, sparsity, progress, Best.start(x))


def warm(owner, problem: LinearProblem, value, share: float = 1.0) -> HardThresholdingState:
    """The same from the largest of given coefficients."""
    state = start(owner, problem, share)
    x = hard_threshold(value, state.sparsity)
    return dataclasses.replace(state, x=x, residual=problem.residual(x))


def advance(problem: LinearProblem, state: HardThresholdingState, x, residual) -> HardThresholdingState:
    """The state with a new iterate and its residual."""
    progress = state.progress.update(relative_norm(residual, problem.observations), relative_norm(x - state.x, x))
    return HardThresholdingState(x, residual, state.sparsity, progress, state.best.update(x, progress.residual))


def certificate(solver, problem: LinearProblem, state: HardThresholdingState) -> Certificate:
    """The residual within the noise, or else a support that thresholding keeps (`support_excess`)."""
    excess = support_excess(problem, state.x, state.residual, solver.tolerance)
    return Certificate(excess, state.progress.change == 0)


class IHT(AbstractLinearSolver[HardThresholdingState]):
    r"""Iterative hard thresholding, of Blumensath and Davies (blumensath2009), with a fixed step.

    $$x^{t+1} = H_k\left(x^t + \frac{\mu}{c^2} A^\top (y - A x^t)\right),$$

    where $H_k$ keeps the $k$ entries of largest magnitude and $c$ is the root mean square norm of the columns, so
    that the step $\mu$ does not depend on the scale of the design. The default 0.65 is the recommendation of Maleki
    and Donoho (maleki2010); $\mu = 1$ diverges on Gaussian designs of ordinary sizes. `sparsity=None` takes the problem's,
    or else a third of the tuning-free rule of `resolve_sparsity`.
    """

    scaling: ClassVar = Scaling(columns=always)

    sparsity: Whole | None = leaf(None, "count")
    step_size: Real = leaf(0.65, "positive")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(100, "count")

    def init(self, problem: LinearProblem, key) -> HardThresholdingState:
        """Zero coefficients."""
        return start(self, problem, _FIXED_STEP_SHARE)

    def warm(self, problem: LinearProblem, key, value: Float[Array, " dimension"]) -> HardThresholdingState:
        """The largest of given coefficients."""
        return warm(self, problem, value, _FIXED_STEP_SHARE)

    def certificate(self, problem: LinearProblem, state: HardThresholdingState) -> Certificate:
        """The residual within the noise, or else a support that thresholding keeps (`support_excess`)."""
        return certificate(self, problem, state)

    def optimality(self, problem: LinearProblem, state: HardThresholdingState) -> Optimality:
        """Least squares on the support."""
        return fitted(problem, state.x)

    def step(self, problem: LinearProblem, state: HardThresholdingState) -> HardThresholdingState:
        """One gradient step, then the best sparse approximation."""
        size = self.step_size / problem.column_norm**2
        x = hard_threshold(state.x + size * problem.adjoint(state.residual), state.sparsity)
        return advance(problem, state, x, problem.residual(x))


class NormalizedIHT(AbstractLinearSolver[HardThresholdingState]):
    r"""Normalised iterative hard thresholding, of Blumensath and Davies (blumensath2010): the step adapts, so no scaling matters.

    With $g = A^\top (y - A x^t)$ and $\Gamma$ the support of $x^t$ (at the start, of $H_k(g)$),

    $$\mu = \frac{\|g_\Gamma\|^2}{\|A g_\Gamma\|^2}, \qquad x^{t+1} = H_k(x^t + \mu g).$$

    Where that changes the support, the step is divided by $\kappa (1 - c)$ until
    $\mu \le (1 - c) \|x^{t+1} - x^t\|^2 / \|A (x^{t+1} - x^t)\|^2$, with $c = 0.01$ and $\kappa = 2$, at most 20 times;
    the objective then falls in every step. `sparsity=None` takes the problem's, or else the tuning-free rule of
    `resolve_sparsity`.
    """

    scaling: ClassVar = Scaling(columns=always)

    sparsity: Whole | None = leaf(None, "count")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(100, "count")

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
        """One gradient step of adapted length, then the best sparse approximation."""
        gradient = problem.adjoint(state.residual)
        support = state.x != 0
        support = jnp.where(jnp.any(support), support, largest_mask(jnp.abs(gradient), state.sparsity))
        size = exact_step(problem, jnp.where(support, gradient, 0))

        def candidate(size):
            x = hard_threshold(state.x + size * gradient, state.sparsity)
            return x, problem.residual(x)

        def too_long(carry):
            size, x, residual, shrinks = carry
            moved, image = squared_norm(x - state.x), squared_norm(residual - state.residual)
            return (shrinks < _MOST_SHRINKS) & jnp.any((x != 0) != support) & (size * image > (1 - _MARGIN) * moved)

        def shorter(carry):
            size, _, _, shrinks = carry
            size = size / (_SHRINK * (1 - _MARGIN))
            return size, *candidate(size), shrinks + 1

        carry = (size, *candidate(size), jnp.zeros((), jnp.int32))
        _, x, residual, _ = jax.lax.while_loop(too_long, shorter, carry)
        return advance(problem, state, x, residual)


def exact_step(problem: LinearProblem, direction: Float[Array, " dimension"]) -> Float[Array, ""]:
    """The minimiser of the residual along a projected gradient d, ||d||^2 / ||A d||^2; 1 / c^2 where d vanishes."""
    return ratio(squared_norm(direction), squared_norm(problem.forward(direction)), problem.column_norm**-2)
