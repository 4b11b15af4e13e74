"""Algorithms, one family per file."""

from .amp import AMP as AMP
from .amp import BayesAMP as BayesAMP
from .autoencoder_training import AutoencoderTraining as AutoencoderTraining
from .autoencoder_training import RepeatedTraining as RepeatedTraining
from .averaged_gradient_descent import AveragedGradientDescent as AveragedGradientDescent
from .base import AbstractSolver as AbstractSolver
from .basis_pursuit import BasisPursuit as BasisPursuit
from .blind_calibration import AbstractCalibrationSolver as AbstractCalibrationSolver
from .blind_calibration import BlindCalibrationALS as BlindCalibrationALS
from .blind_calibration import BlindCalibrationPGD as BlindCalibrationPGD
from .bottom_up import BottomUp as BottomUp
from .calibration_least_squares import BlindCalibrationLinear as BlindCalibrationLinear
from .calibration_least_squares import OracleLeastSquares as OracleLeastSquares
from .calibration_least_squares import UncalibratedLeastSquares as UncalibratedLeastSquares
from .certified_training import CertifiedTraining as CertifiedTraining
from .cosamp import CoSaMP as CoSaMP
from .factored import AbstractFactoredSolver as AbstractFactoredSolver
from .factored_gradient_descent import FactoredGradientDescent as FactoredGradientDescent
from .factored_gradient_descent import ScaledGD as ScaledGD
from .free_discontinuity import FDR as FDR
from .gamp_rie import GAMPRIE as GAMPRIE
from .hard_thresholding_pursuit import HTP as HTP
from .iterative_hard_thresholding import IHT as IHT
from .iterative_hard_thresholding import NormalizedIHT as NormalizedIHT
from .kronecker_omp import KroneckerOMP as KroneckerOMP
from .kronecker_sbl import AMKroSBL as AMKroSBL
from .kronecker_sbl import ClusteredKroSBL as ClusteredKroSBL
from .kronecker_sbl import SVDKroSBL as SVDKroSBL
from .linear import AbstractLinearSolver as AbstractLinearSolver
from .orthogonal_matching_pursuit import OMP as OMP
from .proximal_gradient import FISTA as FISTA
from .proximal_gradient import ISTA as ISTA
from .proximal_gradient import ProximalGradient as ProximalGradient
from .pruning import IterativePruning as IterativePruning
from .raveled import Raveled as Raveled
from .reweighted_l1 import ReweightedL1 as ReweightedL1
from .sparse_bayesian_learning import SparseBayesianLearning as SparseBayesianLearning
from .sparse_unmixing import SparseUnmixing as SparseUnmixing
from .spherical_bias_adaptation import SphericalBiasAdaptation as SphericalBiasAdaptation
from .stein_risk import SteinRisk as SteinRisk
from .subgradient_method import SubgradientMethod as SubgradientMethod
from .subspace_pursuit import SubspacePursuit as SubspacePursuit
from .surface_baselines import LocalLinear as LocalLinear
from .surface_baselines import SegmentThenAverage as SegmentThenAverage
from .surface_baselines import TotalVariation as TotalVariation
from .thresholding import Thresholding as Thresholding
from .top_down import TopDown as TopDown
from .unstructured_sbl import UnstructuredSBL as UnstructuredSBL
from .vamp import VAMP as VAMP

__all__ = [
    "AMP",
    "FDR",
    "FISTA",
    "GAMPRIE",
    "HTP",
    "IHT",
    "ISTA",
    "OMP",
    "VAMP",
    "AMKroSBL",
    "AbstractCalibrationSolver",
    "AbstractFactoredSolver",
    "AbstractLinearSolver",
    "AbstractSolver",
    "AutoencoderTraining",
    "AveragedGradientDescent",
    "BasisPursuit",
    "BayesAMP",
    "BlindCalibrationALS",
    "BlindCalibrationLinear",
    "BlindCalibrationPGD",
    "BottomUp",
    "CertifiedTraining",
    "ClusteredKroSBL",
    "CoSaMP",
    "FactoredGradientDescent",
    "IterativePruning",
    "KroneckerOMP",
    "LocalLinear",
    "NormalizedIHT",
    "OracleLeastSquares",
    "ProximalGradient",
    "Raveled",
    "RepeatedTraining",
    "ReweightedL1",
    "SVDKroSBL",
    "ScaledGD",
    "SegmentThenAverage",
    "SparseBayesianLearning",
    "SparseUnmixing",
    "SphericalBiasAdaptation",
    "SteinRisk",
    "SubgradientMethod",
    "SubspacePursuit",
    "Thresholding",
    "TopDown",
    "TotalVariation",
    "UncalibratedLeastSquares",
    "UnstructuredSBL",
]
