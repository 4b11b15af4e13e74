"""What one wants to know of a nonconvex landscape and of an iteration on it."""

from .basin import Basin as Basin
from .basin import basin_sweep as basin_sweep
from .descent import GradientDescent as GradientDescent
from .descent import SmoothProblem as SmoothProblem
from .hessian import HessianSpectrum as HessianSpectrum
from .hessian import hessian_spectrum as hessian_spectrum
from .hessian import hessian_vector_product as hessian_vector_product
from .sign_restricted_isometry import SignDeviation as SignDeviation
from .sign_restricted_isometry import sign_deviation as sign_deviation
from .trajectory import Trajectory as Trajectory
from .trajectory import alignment as alignment
from .trajectory import contraction_rates as contraction_rates
from .trajectory import trajectory as trajectory

__all__ = [
    "Basin",
    "GradientDescent",
    "HessianSpectrum",
    "SignDeviation",
    "SmoothProblem",
    "Trajectory",
    "alignment",
    "basin_sweep",
    "contraction_rates",
    "hessian_spectrum",
    "hessian_vector_product",
    "sign_deviation",
    "trajectory",
]
