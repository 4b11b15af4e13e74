"""Planted models, one family per file."""

from .base import AbstractModel as AbstractModel
from .blind_calibration import BlindCalibration as BlindCalibration
from .hierarchical_sbm import HierarchicalSBM as HierarchicalSBM
from .irs_channel import CascadedChannel as CascadedChannel
from .irs_channel import IRSChannel as IRSChannel
from .jump_surface import JumpSurface as JumpSurface
from .jump_surface import ShutdownMap as ShutdownMap
from .kronecker_sparse import KroneckerSparse as KroneckerSparse
from .matrix_sensing import MatrixSensing as MatrixSensing
from .planted_atoms import Atoms as Atoms
from .planted_atoms import PlantedAtoms as PlantedAtoms
from .planted_code import PlantedCode as PlantedCode
from .planted_features import PlantedFeatures as PlantedFeatures
from .planted_features import zipf_frequencies as zipf_frequencies
from .quadratic_network import QuadraticNetwork as QuadraticNetwork
from .sparse_regression import AMPLITUDES as AMPLITUDES
from .sparse_regression import SparseRegression as SparseRegression
from .sparse_teacher import SparseTeacher as SparseTeacher
from .spectral_mixture import OUTLIER_CHANNELS as OUTLIER_CHANNELS
from .spectral_mixture import SpectralMixture as SpectralMixture

__all__ = [
    "AMPLITUDES",
    "OUTLIER_CHANNELS",
    "AbstractModel",
    "Atoms",
    "BlindCalibration",
    "CascadedChannel",
    "HierarchicalSBM",
    "IRSChannel",
    "JumpSurface",
    "KroneckerSparse",
    "MatrixSensing",
    "PlantedAtoms",
    "PlantedCode",
    "PlantedFeatures",
    "QuadraticNetwork",
    "ShutdownMap",
    "SparseRegression",
    "SparseTeacher",
    "SpectralMixture",
    "zipf_frequencies",
]
