"""Gradient descent on the weights of a quadratic network, and the average of its results over initialisations."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from ..core import draws
from ..core.fields import Real, Whole, count, leaf
from ..core.numbers import norm, ratio, squared_norm
from ..core.results import Result
from ..core.sizes import capacity, row_mask
from ..core.solver import AbstractSolver, Certificate
from ..core.stationarity import explained_excess, least_squares_excess
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .quadratic_problem import QuadraticNetworkProblem

__all__ = ["AveragedGradientDescent"]

# Half of what the largest curvature exceeds that of the trace by, for outputs of mean one: at relative widths of 0.5 and 1
# it was found to be 2 to 8 at random starts and at their ends, at 0.2 up to 14.
_BULK = 6


class DescentState(eqx.Module):
    """Weights of every run, the state of their optimiser, and the progress of all together."""

    weights: Float[Array, "units runs dimension"]
    optimiser: PyTree
    progress: Progress


class AveragedGradientDescent(AbstractSolver[QuadraticNetworkProblem, DescentState]):
    r"""Full-batch gradient descent from independent random weights, all runs side by side; the estimate is the mean of $S$.

    Every run $s$ minimises, for a student as wide as the teacher,

    $$L(W) = \frac m4 \sum_{i=1}^n \big( \hat y_i(W) - y_i \big)^2 + \frac\lambda2 \|W\|_F^2, \qquad
      \hat y_i(W) = \frac1m \sum_k \frac{(w_k^\top x_i)^2}{d},$$

    from standard normal entries, with heavy-ball `momentum` and steps of length
    `step_size` $/ \big( (n/d + 6) \max(\bar y, 1) \big)$. The largest eigenvalue of the Hessian belongs to the trace of $S$ and is
    about $2 n \bar y / d$; the constant is for the curvature that other directions and a random start add. Without momentum
    0.5 is stable; with it 0.25 is, and 0.5 from about $d = 24$ and $\kappa = 1/2$ on. The estimate is $\hat S = \frac1N \sum_s W_s^\top W_s / m$, not that of the mean weights;
    $N$ = `initialisations`, 1 for plain gradient descent.

    Stops when the relative change of the weights in a step or the relative misfit is at most `tolerance`, and stalls when the
    misfit has not fallen by one per cent in `patience` steps.

    Source: Maillard, Troiani, Martin, Krzakala and Zdeborová, arXiv:2408.03733 (maillard2024).
    """

    scaling: ClassVar = Scaling({"weight_decay": (2, 1)}, stats={"spread": (-4, 2)})

    initialisations: int = count(1, default=16)
    step_size: Real = leaf(0.5, "positive")
    momentum: Real = leaf(0.0, "decay")
    weight_decay: Real = leaf(0.0, "nonnegative")
    tolerance: Real = leaf(1e-7)
    patience: Whole = leaf(1000, "count")

    def init(self, problem: QuadraticNetworkProblem, key: Key[Array, ""]) -> DescentState:
        """Standard normal weights, independent for every run; units beyond the width are zero and stay so."""
        units = capacity(problem, "width")
        dtype = problem.observations.dtype
        # Units lead, so that a larger capacity leaves the weights of the others as they are.
        weights = draws.normal(key, (units, self.initialisations, problem.dimension)).astype(dtype)
        weights = jnp.where(row_mask(problem.width, units)[:, None, None], weights, 0)
        return DescentState(weights, self._optimiser(problem).init(weights), Progress.start(dtype))

    def step(self, problem: QuadraticNetworkProblem, state: DescentState) -> DescentState:
        """One step of every run."""
        misfit, pull_back = jax.vjp(lambda weights: _misfit(problem, weights), state.weights)
        # The gradient of (m / 4) |misfit|^2.
        (gradient,) = pull_back(misfit * (problem.width.astype(misfit.dtype) / 2))
        updates, optimiser = self._optimiser(problem).update(gradient, state.optimiser, state.weights)
        weights = optax.apply_updates(state.weights, updates)
        residual = ratio(norm(misfit), norm(problem.observations) * self.initialisations**0.5, norm(misfit))
        change = relative_norm(weights - state.weights, weights)
        return DescentState(weights, optimiser, state.progress.update(residual, change))

    def status(self, problem: QuadraticNetworkProblem, state: DescentState) -> Result:
        """By the misfit before the last step and the relative change of all weights in it."""
        return state.progress.status(self.tolerance, self.patience)

    def certificate(self, problem: QuadraticNetworkProblem, state: DescentState) -> Certificate:
        """The data explained by all runs, or nothing left of the losses for a Gauss-Newton step to gain."""
        root = jnp.sqrt(problem.width.astype(state.weights.dtype) / 2)

        def roots(weights):
            """What the squares of which sum to twice the losses."""
            return root * _misfit(problem, weights), jnp.sqrt(self.weight_decay) * weights

        value, forward = jax.linearize(roots, state.weights)
        adjoint = jax.linear_transpose(forward, state.weights)
        rest = jax.tree.map(jnp.negative, value)
        relative = ratio(norm(value[0]), root * norm(problem.observations) * self.initialisations**0.5, norm(value[0]))
        gain = least_squares_excess(rest, forward, lambda values: adjoint(values)[0], self.tolerance)
        return Certificate(jnp.minimum(explained_excess(relative, self.tolerance), gain), jnp.zeros((), bool))

    def estimate(self, problem: QuadraticNetworkProblem, state: DescentState) -> Float[Array, "dimension dimension"]:
        """The average of the matrices of all runs."""
        flat = state.weights.reshape(-1, problem.dimension)
        return flat.T @ flat / (problem.width.astype(flat.dtype) * self.initialisations)

    def stats(self, problem: QuadraticNetworkProblem, state: DescentState) -> dict[str, Array]:
        r"""`spread` and `residual`.

        `spread` is the mean over runs of $\kappa \|\hat S_s - \hat S\|_F^2 / d$, so a single run has the error of the average plus
        the spread on average, and runs that have reached one point have none. `residual` is the relative misfit of the runs.
        """
        weights = state.weights
        width = problem.width.astype(weights.dtype)
        each = jnp.einsum("krd,kre->rde", weights, weights) / width
        spread = squared_norm(each - jnp.mean(each, axis=0, keepdims=True)) / self.initialisations
        return {"spread": problem.ratio * spread / problem.dimension, "residual": state.progress.residual}

    def _optimiser(self, problem: QuadraticNetworkProblem) -> optax.GradientTransformation:
        # Outputs, and with them the curvature, grow with the noise.
        level = jnp.maximum(jnp.sum(problem.observations) / problem.count, 1)
        curvature = level * (problem.count / problem.dimension + _BULK)
        return optax.chain(
            optax.add_decayed_weights(self.weight_decay), optax.sgd(self.step_size / curvature, momentum=self.momentum)
        )


def _misfit(
    problem: QuadraticNetworkProblem, weights: Float[Array, "units runs dimension"]
) -> Float[Array, "runs rows"]:
    """Outputs of every run minus the data, zero on padding; shape (runs, rows)."""
    units, runs, dimension = weights.shape
    # One product for all units, runs and lanes that share the inputs.
    hidden = weights.reshape(units * runs, dimension) @ problem.inputs.T
    squares = jnp.sum(hidden.reshape(units, runs, -1) ** 2, axis=0)
    outputs = squares / (problem.width.astype(squares.dtype) * dimension)
    return outputs * problem.mask[None, :] - problem.observations[None, :]
