"""What one wants to know of a nonconvex landscape, of an iteration on it, and of the codes of an autoencoder."""

from .basin import Basin as Basin
from .basin import basin_sweep as basin_sweep
from .descent import GradientDescent as GradientDescent
from .descent import SmoothProblem as SmoothProblem
from .feature_activation import eps_lbo as eps_lbo
from .feature_activation import folded_codes as folded_codes
from .feature_activation import norm_ratio as norm_ratio
from .feature_activation import normalised_error as normalised_error
from .hessian import HessianSpectrum as HessianSpectrum
from .hessian import hessian_spectrum as hessian_spectrum
from .hessian import hessian_vector_product as hessian_vector_product
from .noise_level import haar_noise_variance as haar_noise_variance
from .sign_restricted_isometry import SignDeviation as SignDeviation
from .sign_restricted_isometry import sign_deviation as sign_deviation
from .subsampling import SubsamplingInterval as SubsamplingInterval
from .subsampling import subsampled_sizes as subsampled_sizes
from .subsampling import subsampling_interval as subsampling_interval
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
    "SubsamplingInterval",
    "Trajectory",
    "alignment",
    "basin_sweep",
    "contraction_rates",
    "eps_lbo",
    "folded_codes",
    "haar_noise_variance",
    "hessian_spectrum",
    "hessian_vector_product",
    "norm_ratio",
    "normalised_error",
    "sign_deviation",
    "subsampled_sizes",
    "subsampling_interval",
    "trajectory",
]
