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
from .sweeps import Table as Table
from .sweeps import plan_sweep as plan_sweep
from .sweeps import sweep as sweep

__all__ = [
    "LinearProblem",
    "Result",
    "Solution",
    "Table",
    "ensembles",
    "models",
    "operators",
    "penalties",
    "plan_sweep",
    "solve",
    "solvers",
    "sweep",
    "theory",
]
