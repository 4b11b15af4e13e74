"""What first-order methods on the factors of a low-rank matrix share."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.checks import require
from ..core.leaves import as_leaf, as_real_leaf
from ..core.results import Result
from ..core.sizes import Capacities, capacities_field, capacity, concrete_capacities
from ..core.solver import AbstractSolver
from ..core.stopping import Progress
from .factors import Factors
from .problem import MatrixSensingProblem
from .starts import AbstractFactorStart, SignSpectralFactors
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
    """

    rank: Int[Array, ""] | None
    initial_scale: Float[Array, ""]
    step_size: AbstractStep
    start: AbstractFactorStart
    tolerance: Float[Array, ""]
    patience: Int[Array, ""]
    capacities: Capacities = capacities_field()

    def __init__(
        self,
        rank=None,
        initial_scale=1e-6,
        step: AbstractStep | float | None = None,
        start: AbstractFactorStart | None = None,
        tolerance=1e-7,
        patience=1000,
    ):
        r"""**Arguments:**

        - `rank`: search rank $r'$; the smaller side of the matrix by default, which is all that can be needed.
        - `initial_scale`: $\alpha$, the size of the start.
        - `step`: a rule of `recover.steps`, or a number for a constant step; each method's own rule by default.
        - `start`: a rule of `recover.initialisers`; `SignSpectralFactors()` by default.
        - `tolerance`, `patience`: when to stop; -1 and 0 run the whole budget.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        self.rank = as_leaf(rank)
        self.initial_scale = as_real_leaf(initial_scale)
        self.step_size = self.default_step() if step is None else as_step(step)
        self.start = SignSpectralFactors() if start is None else start
        self.tolerance = as_real_leaf(tolerance)
        self.patience = as_leaf(patience)
        self.capacities = concrete_capacities(rank=rank)

    def __check_init__(self):
        require(self, rank="positive count", initial_scale="nonnegative", patience="count")

    @staticmethod
    @abc.abstractmethod
    def default_step() -> AbstractStep:
        """The step rule where none is given."""

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
        dtype = problem.observations.dtype
        start = self.start(problem, key, width)
        factors = start.keep(jnp.asarray(rank, jnp.int32)).scaled(jnp.asarray(self.initial_scale, dtype))
        return FactoredState(factors, jnp.zeros((), jnp.int32), Progress.start(dtype))

    def step(self, problem: MatrixSensingProblem, state: FactoredState) -> FactoredState:
        """One step along the direction, of the length that the step rule gives."""
        factors = state.factors
        residual = problem.residual(factors.matrix())
        loss, slope = self.loss(problem, residual)
        gradient = factors.pull_back(-problem.adjoint(slope))
        direction = self.direction(problem, factors, gradient)
        squared = direction.squared_norm()
        size = self.step_size(problem, state.count, jnp.abs(residual), loss, squared)
        moved = factors.moved(size, direction)
        norm = jnp.sqrt(moved.squared_norm())
        change = jnp.where(norm > 0, size * jnp.sqrt(squared) / jnp.where(norm > 0, norm, 1), norm)
        explained = jnp.sum(jnp.abs(problem.observations))
        misfit = jnp.sum(jnp.abs(residual))
        relative = jnp.where(explained > 0, misfit / jnp.where(explained > 0, explained, 1), misfit)
        # Polyak's rule leaves a small start by one huge step and comes back: only what is not finite has diverged.
        relative = jnp.where(jnp.isfinite(relative), jnp.minimum(relative, _LARGE), relative)
        return FactoredState(moved, state.count + 1, state.progress.update(relative, change))

    def status(self, problem: MatrixSensingProblem, state: FactoredState) -> Result:
        """By the relative residual before the last step, and the relative change of the factors in it."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: MatrixSensingProblem, state: FactoredState) -> Float[Array, "rows columns"]:
        """The product of the factors."""
        return state.factors.matrix()

    def stats(self, problem: MatrixSensingProblem, state: FactoredState) -> dict[str, Array]:
        """The final loss, and where known the mean absolute perturbation, which is the l1 loss at the truth."""
        loss, _ = self.loss(problem, problem.residual(state.factors.matrix()))
        known = {} if problem.loss_at_truth is None else {"loss_at_truth": problem.loss_at_truth}
        return {"loss": loss, **known}
