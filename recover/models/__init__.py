"""Planted models, one family per file."""

from .base import AbstractModel as AbstractModel
from .blind_calibration import BlindCalibration as BlindCalibration
from .matrix_sensing import MatrixSensing as MatrixSensing
from .sparse_regression import AMPLITUDES as AMPLITUDES
from .sparse_regression import SparseRegression as SparseRegression

__all__ = ["AMPLITUDES", "AbstractModel", "BlindCalibration", "MatrixSensing", "SparseRegression"]
