"""Nonconvex recovery experiments: planted models, solvers, vectorised sweeps and their theory."""

from . import ensembles as ensembles
from . import models as models
from . import operators as operators
from . import penalties as penalties
from . import solvers as solvers
from . import theory as theory
from .loop import Solution as Solution
from .loop import solve as solve
from .problems import LinearProblem as LinearProblem
from .results import Result as Result

__all__ = [
    "LinearProblem",
    "Result",
    "Solution",
    "ensembles",
    "models",
    "operators",
    "penalties",
    "solve",
    "solvers",
    "theory",
]
