"""Gradient descent on any smooth loss of a pytree, as a solver."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PyTree

from ..core.leaves import leaf
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress
from .trajectories import flat_norm

__all__ = ["GradientDescent", "SmoothProblem"]


class SmoothProblem(eqx.Module):
    """A loss to be minimised and the point to start from.

    `loss` is a function of a pytree of real arrays: a module or an `equinox.Partial`, so that data it holds are arguments
    of the compiled program.
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

    step_size: Float[Array, ""] = leaf(default=0.1)
    tolerance: Float[Array, ""] = leaf(default=1e-7)
    patience: Int[Array, ""] = leaf(default=1000)

    def init(self, problem: SmoothProblem, key: Key[Array, ""]) -> DescentState:
        """The start."""
        first = flat_norm(jax.grad(problem.loss)(problem.start))
        return DescentState(problem.start, first, Progress.start(first.dtype))

    def step(self, problem: SmoothProblem, state: DescentState) -> DescentState:
        """One gradient step."""
        gradient = jax.grad(problem.loss)(state.point)
        point = jax.tree.map(lambda x, g: x - self.step_size * g, state.point, gradient)
        size, norm = flat_norm(gradient), flat_norm(point)
        relative = jnp.where(state.first > 0, size / jnp.where(state.first > 0, state.first, 1), size)
        change = self.step_size * size / jnp.where(norm > 0, norm, 1)
        return DescentState(point, state.first, state.progress.update(relative, change))

    def status(self, problem: SmoothProblem, state: DescentState) -> Result:
        """By the size of the gradient and the change of the point."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: SmoothProblem, state: DescentState) -> PyTree:
        """The point."""
        return state.point

    def stats(self, problem: SmoothProblem, state: DescentState) -> dict[str, Array]:
        """The final loss."""
        return {"loss": problem.loss(state.point)}
