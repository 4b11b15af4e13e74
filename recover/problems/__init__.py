"""What a solver may see, one kind of data per file: operators, observations and effective sizes, never the truth."""

from .activations import AbstractActivations as AbstractActivations
from .activations import ActivationProblem as ActivationProblem
from .activations import PlantedActivations as PlantedActivations
from .calibration import Calibration as Calibration
from .calibration import CalibrationProblem as CalibrationProblem
from .classification import ClassificationProblem as ClassificationProblem
from .graph import GraphProblem as GraphProblem
from .kronecker import KroneckerProblem as KroneckerProblem
from .linear import LinearProblem as LinearProblem
from .matrix_sensing import MatrixSensingProblem as MatrixSensingProblem
from .quadratic_network import QuadraticNetworkProblem as QuadraticNetworkProblem
from .surface import SurfaceProblem as SurfaceProblem
from .unmixing import UnmixingProblem as UnmixingProblem
