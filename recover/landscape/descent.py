"""Gradient descent on any smooth loss of a pytree, as a solver."""

from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key, PyTree

from ..core.fields import Real, Whole, leaf
from ..core.numbers import ratio
from ..core.problem import AbstractLossProblem
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress
from .trajectories import flat_norm

__all__ = ["GradientDescent", "SmoothProblem"]


class SmoothProblem(AbstractLossProblem):
    """A loss to be minimised and the point to start from.

    `loss` is a function of a pytree of real arrays: a module or an `equinox.Partial`, so that data it holds are arguments
    of the compiled program. It is given as a whole, so the problem has no observations of its own.
    """

    loss: Callable[[PyTree], Array]
    start: PyTree


class DescentState(eqx.Module):
    """The point, and the progress of its gradient."""

    point: PyTree
    first: Float[Array, ""]
    progress: Progress


class GradientDescent(AbstractSolver[SmoothProblem, DescentState]):
    r"""$x_{t+1} = x_t - \eta \nabla f(x_t)$.

    It stops when the gradient is at most `tolerance` times the first one, or the relative change of the point is at most
    `tolerance`; stalled when the gradient has not fallen by one per cent in `patience` steps.
    """

    step_size: Real = leaf(0.1, "positive")
    tolerance: Real = leaf(1e-7)
    patience: Whole = leaf(1000, "count")

    def init(self, problem: SmoothProblem, key: Key[Array, ""]) -> DescentState:
        """The start, and the norm of its gradient."""
        first = flat_norm(jax.grad(problem.loss)(problem.start))
        return DescentState(problem.start, first, Progress.start(first.dtype))

    def step(self, problem: SmoothProblem, state: DescentState) -> DescentState:
        """One gradient step."""
        gradient = jax.grad(problem.loss)(state.point)
        point = jax.tree.map(lambda x, g: x - self.step_size * g, state.point, gradient)
        slope = flat_norm(gradient)
        move = self.step_size * slope
        progress = state.progress.update(ratio(slope, state.first, slope), ratio(move, flat_norm(point), move))
        return DescentState(point, state.first, progress)

    def status(self, problem: SmoothProblem, state: DescentState) -> Result:
        """By the size of the gradient and the change of the point."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: SmoothProblem, state: DescentState) -> PyTree:
        """The point that was reached."""
        return state.point

    def stats(self, problem: SmoothProblem, state: DescentState) -> dict[str, Array]:
        """`loss`: that of the point that was reached."""
        return {"loss": problem.loss(state.point)}
