"""What first-order methods on the factors of a low-rank matrix share."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.fields import Real, Size, Whole, leaf, size
from ..core.numbers import ratio
from ..core.results import Result
from ..core.sizes import capacity
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress
from .certificates import factored_certificate
from .completion_problem import MatrixCompletionProblem
from .factors import Factors
from .problem import MatrixSensingProblem
from .sensed_completion import SensedCompletion
from .starts import AbstractFactorStart
from .steps import AbstractStep, as_step

__all__ = ["AbstractFactoredSolver"]

_LARGE = 1e6


class FactoredState(eqx.Module):
    """The factors, the number of steps taken, and the progress of the loss."""

    factors: Factors
    count: Int[Array, ""]
    progress: Progress


class AbstractFactoredSolver(AbstractSolver[MatrixSensingProblem, FactoredState]):
    r"""A method that moves the factors of $X = U U^\top$ (or $L R^\top$) down a mean over measurements of their misfit.

    The search rank is traced: factors are as wide as its capacity (the smaller side of the matrix by default) and
    columns beyond it are zero, which every step preserves. It stops when the mean absolute residual over that of the zero
    matrix, or the relative change of the factors, is at most `tolerance`, and is stalled when that residual has not fallen by
    one per cent in `patience` steps. From a small start it is flat for about $\log(1/\alpha)$ over the rate of growth many
    steps, so `patience` must exceed those.

    **Arguments:** (the methods differ in their defaults)

    - `rank`: search rank $r'$; the smaller side of the matrix by default, which is all that can be needed.
    - `initial_scale`: $\alpha$, the size of the start.
    - `step`: a rule of `recover.steps`, or a number for a constant step.
    - `start`: a rule of `recover.initialisers`.
    - `tolerance`, `patience`: when to stop; -1 and 0 run the whole budget.
    """

    others: ClassVar = {MatrixCompletionProblem: lambda solver: SensedCompletion(solver)}
    # Whether the loss is the sum of magnitudes of the residuals, which outliers do not move, or that of their squares.
    robust: ClassVar[bool] = False

    rank: Size | None = size(1)
    initial_scale: Real = leaf(rule="nonnegative")
    step_size: AbstractStep = eqx.field(converter=as_step)
    start: AbstractFactorStart
    tolerance: Real = leaf(rule="finite")
    patience: Whole = leaf(rule="count")

    @abc.abstractmethod
    def loss(
        self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]
    ) -> tuple[Float[Array, ""], Float[Array, " observations"]]:
        """The loss, and minus its derivative with respect to the measurements, for a given residual."""

    @abc.abstractmethod
    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The direction to step along, from the gradient with respect to the factors."""

    def init(self, problem: MatrixSensingProblem, key: Key[Array, ""]) -> FactoredState:
        """The start, cut to the search rank and scaled."""
        smallest = min(problem.shape)
        if self.rank is None:
            width = rank = smallest
        else:
            # The value is traced under `solve`; its capacity is not.
            if capacity(self, "rank") > smallest:
                raise ValueError(
                    f"{type(self).__name__}: `rank` is {capacity(self, 'rank')}; an integer from 1 to {smallest} is allowed for "
                    f"a matrix of shape {problem.shape}."
                )
            width, rank = capacity(self, "rank"), self.rank
        factors = self.start(problem, key, width).keep(rank).scaled(self.initial_scale)
        return FactoredState(factors, jnp.zeros((), jnp.int32), Progress.start(problem.observations.dtype))

    def step(self, problem: MatrixSensingProblem, state: FactoredState) -> FactoredState:
        """One step along the direction, of the length that the step rule gives."""
        factors = state.factors
        residual = problem.residual(factors.matrix())
        loss, slope = self.loss(problem, residual)
        gradient = factors.pull_back(-problem.adjoint(slope))
        direction = self.direction(problem, factors, gradient)
        squared = direction.squared_norm()
        length = self.step_size(problem, state.count, jnp.abs(residual), loss, squared)
        moved = factors.moved(length, direction)
        reached = jnp.sqrt(moved.squared_norm())
        change = ratio(length * jnp.sqrt(squared), reached, reached)
        misfit = jnp.sum(jnp.abs(residual))
        relative = ratio(misfit, jnp.sum(jnp.abs(problem.observations)), misfit)
        # Polyak's rule leaves a small start by one huge step and comes back: only what is not finite has diverged.
        relative = jnp.where(jnp.isfinite(relative), jnp.minimum(relative, _LARGE), relative)
        return FactoredState(moved, state.count + 1, state.progress.update(relative, change))

    def status(self, problem: MatrixSensingProblem, state: FactoredState) -> Result:
        """By the relative residual before the last step, and the relative change of the factors in it."""
        return state.progress.status(self.tolerance, self.patience)

    def certificate(self, problem: MatrixSensingProblem, state: FactoredState) -> Certificate:
        """By what the factors may gain (`factored_certificate`)."""
        return factored_certificate(problem, self.tolerance, state.factors, self.robust)

    def estimate(self, problem: MatrixSensingProblem, state: FactoredState) -> Float[Array, "rows columns"]:
        """The product of the factors."""
        return state.factors.matrix()

    def stats(self, problem: MatrixSensingProblem, state: FactoredState) -> dict[str, Array]:
        """The final loss, and where known the mean absolute perturbation, which is the l1 loss at the truth."""
        loss, _ = self.loss(problem, problem.residual(state.factors.matrix()))
        known = {} if problem.oracle is None else {"loss_at_truth": problem.oracle}
        return {"loss": loss, **known}
