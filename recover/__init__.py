"""Nonconvex recovery experiments: planted models, solvers, vectorised sweeps and their theory."""

from . import atomic_inner_product as atomic_inner_product
from . import autoencoders as autoencoders
from . import diagnostics as diagnostics
from . import dictionaries as dictionaries
from . import ensembles as ensembles
from . import initialisers as initialisers
from . import models as models
from . import operators as operators
from . import penalties as penalties
from . import solvers as solvers
from . import steps as steps
from . import theory as theory
from . import training as training
from .loop import Solution as Solution
from .loop import solve as solve
from .mixtures import Mixture as Mixture
from .problems import ActivationProblem as ActivationProblem
from .problems import Calibration as Calibration
from .problems import CalibrationProblem as CalibrationProblem
from .problems import KroneckerProblem as KroneckerProblem
from .problems import LinearProblem as LinearProblem
from .problems import MatrixSensingProblem as MatrixSensingProblem
from .problems import QuadraticNetworkProblem as QuadraticNetworkProblem
from .problems import UnmixingProblem as UnmixingProblem
from .results import Result as Result
from .sweeps import BoundaryTrace as BoundaryTrace
from .sweeps import Table as Table
from .sweeps import plan_sweep as plan_sweep
from .sweeps import sweep as sweep
from .sweeps import trace_boundary as trace_boundary

__all__ = [
    "ActivationProblem",
    "BoundaryTrace",
    "Calibration",
    "CalibrationProblem",
    "KroneckerProblem",
    "LinearProblem",
    "MatrixSensingProblem",
    "Mixture",
    "QuadraticNetworkProblem",
    "Result",
    "Solution",
    "Table",
    "UnmixingProblem",
    "atomic_inner_product",
    "autoencoders",
    "diagnostics",
    "dictionaries",
    "ensembles",
    "initialisers",
    "models",
    "operators",
    "penalties",
    "plan_sweep",
    "solve",
    "solvers",
    "steps",
    "sweep",
    "theory",
    "trace_boundary",
    "training",
]
