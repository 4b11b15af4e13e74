"""Methods for linear measurements of a matrix, on known entries of it."""

from typing import Any, ClassVar

from jaxtyping import Array, Key

from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.units import Scaling
from .completion_problem import MatrixCompletionProblem


class SensedCompletion(AbstractSolver[MatrixCompletionProblem, Any]):
    """A solver of `MatrixSensingProblem`, given known entries as the measurements that they are (`MatrixCompletionProblem.sensing`)."""

    scaling: ClassVar = Scaling({"solver": None})

    solver: AbstractSolver

    def init(self, problem: MatrixCompletionProblem, key: Key[Array, ""]):
        """That of the solver."""
        return self.solver.init(problem.sensing(), key)

    def step(self, problem: MatrixCompletionProblem, state):
        """That of the solver."""
        return self.solver.step(problem.sensing(), state)

    def status(self, problem: MatrixCompletionProblem, state) -> Result:
        """That of the solver."""
        return self.solver.status(problem.sensing(), state)

    def certificate(self, problem: MatrixCompletionProblem, state) -> Certificate | None:
        """That of the solver."""
        return self.solver.certificate(problem.sensing(), state)

    def estimate(self, problem: MatrixCompletionProblem, state):
        """That of the solver, a matrix."""
        return self.solver.estimate(problem.sensing(), state)
