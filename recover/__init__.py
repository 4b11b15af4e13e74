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
from . import trees as trees
from .dendrograms import Dendrogram as Dendrogram
from .loop import Solution as Solution
from .loop import solve as solve
from .mixtures import Mixture as Mixture
from .networks import Network as Network
from .problems import ActivationProblem as ActivationProblem
from .problems import Calibration as Calibration
from .problems import CalibrationProblem as CalibrationProblem
from .problems import ClassificationProblem as ClassificationProblem
from .problems import GraphProblem as GraphProblem
from .problems import KroneckerProblem as KroneckerProblem
from .problems import LinearProblem as LinearProblem
from .problems import MatrixSensingProblem as MatrixSensingProblem
from .problems import QuadraticNetworkProblem as QuadraticNetworkProblem
from .problems import SurfaceProblem as SurfaceProblem
from .problems import UnmixingProblem as UnmixingProblem
from .results import Result as Result
from .sparsity_measures import gini_index as gini_index
from .sparsity_measures import pq_index as pq_index
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
    "ClassificationProblem",
    "Dendrogram",
    "GraphProblem",
    "KroneckerProblem",
    "LinearProblem",
    "MatrixSensingProblem",
    "Mixture",
    "Network",
    "QuadraticNetworkProblem",
    "Result",
    "Solution",
    "SurfaceProblem",
    "Table",
    "UnmixingProblem",
    "atomic_inner_product",
    "autoencoders",
    "diagnostics",
    "dictionaries",
    "ensembles",
    "gini_index",
    "initialisers",
    "models",
    "operators",
    "penalties",
    "plan_sweep",
    "pq_index",
    "solve",
    "solvers",
    "steps",
    "sweep",
    "theory",
    "trace_boundary",
    "training",
    "trees",
]
