"""Solvers of linear problems, applied to Kronecker-structured ones."""

from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float

from ..core.numbers import ratio
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.units import Scaling
from ..operators.mode_products import outer
from .problem import KroneckerProblem

__all__ = ["Raveled"]


class Raveled(AbstractSolver[KroneckerProblem, Any]):
    """Any solver of a `LinearProblem`, applied to the raveled tensor of a real Kronecker problem.

    With `unit_columns` it sees columns of unit norm, and its estimate is scaled back: pursuit needs that for matrices that
    are not normalised. The Kronecker product stays an operator (`KroneckerProblem.as_linear`).
    """

    scaling: ClassVar = Scaling({"solver": None})

    solver: AbstractSolver
    unit_columns: bool = eqx.field(static=True, default=True)

    def init(self, problem: KroneckerProblem, key):
        """The solver's own first state."""
        return self.solver.init(problem.as_linear(self.unit_columns), key)

    def step(self, problem: KroneckerProblem, state):
        """A step of the solver on the linear problem."""
        return self.solver.step(problem.as_linear(self.unit_columns), state)

    def status(self, problem: KroneckerProblem, state) -> Result:
        """The status of the solver on the linear problem."""
        return self.solver.status(problem.as_linear(self.unit_columns), state)

    def certificate(self, problem: KroneckerProblem, state) -> Certificate | None:
        """That of the solver on the linear problem."""
        return self.solver.certificate(problem.as_linear(self.unit_columns), state)

    def estimate(self, problem: KroneckerProblem, state) -> Float[Array, "..."]:
        """The solver's estimate as a tensor, in the columns of the problem."""
        value = self.solver.estimate(problem.as_linear(self.unit_columns), state).reshape(problem.dimensions)
        if not self.unit_columns:
            return value
        return ratio(value, outer(problem.column_norms), value)

    def stats(self, problem: KroneckerProblem, state) -> dict[str, Array]:
        """The statistics of the solver on the linear problem."""
        return self.solver.stats(problem.as_linear(self.unit_columns), state)
