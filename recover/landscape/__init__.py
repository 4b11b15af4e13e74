"""What one wants to know of a nonconvex landscape and of an iteration on it, with the diagnostics that families bring."""

from ..core.lazy import attach

_HOMES = {
    "Basin": "landscape.basin",
    "GradientDescent": "landscape.descent",
    "HessianSpectrum": "landscape.hessian",
    "SignDeviation": "low_rank.sign_restricted_isometry",
    "SmoothProblem": "landscape.descent",
    "SubsamplingInterval": "surfaces.subsampling",
    "Trajectory": "landscape.trajectories",
    "alignment": "landscape.trajectories",
    "basin_sweep": "landscape.basin",
    "contraction_rates": "landscape.trajectories",
    "eps_lbo": "dictionaries.feature_activation",
    "folded_codes": "dictionaries.feature_activation",
    "haar_noise_variance": "surfaces.noise_level",
    "hessian_spectrum": "landscape.hessian",
    "hessian_vector_product": "landscape.hessian",
    "norm_ratio": "dictionaries.feature_activation",
    "normalised_error": "dictionaries.feature_activation",
    "sign_deviation": "low_rank.sign_restricted_isometry",
    "subsampled_sizes": "surfaces.subsampling",
    "subsampling_interval": "surfaces.subsampling",
    "trajectory": "landscape.trajectories",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
