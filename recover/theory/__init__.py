"""Predictions to compare experiments with: phase transitions, state evolution, information and sample-size limits."""

from .approximate_activation import NormInterval, afa_bias, afa_interval, afa_spread
from .atoms import (
    ThresholdWindow,
    activation_second_moment,
    coherence_isometry,
    threshold_window,
    tight_frame_cosine,
    tight_frame_stability,
    uniqueness_sparsity,
    welch_coherence,
)
from .bernoulli_gauss import (
    BernoulliGaussFixedPoints,
    bernoulli_gauss_fixed_points,
    bernoulli_gauss_mmse,
    bernoulli_gauss_state_evolution,
    information_limit,
    spinodal,
)
from .blind_calibration import calibration_counting_limit, calibration_start_error
from .donoho_tanner import donoho_tanner_strong, donoho_tanner_weak
from .hierarchical_sbm import (
    bottom_up_information,
    chernoff_hellinger,
    logarithmic_densities,
    top_down_information,
)
from .kronecker_sparse import oracle_least_squares_error
from .minimax import amp_transition, minimax_risk, minimax_threshold, noise_sensitivity
from .mumford_shah import largest_kept_penalty, least_quiet_penalty, mumford_shah_line
from .noisy_wishart import (
    Spectrum,
    matrix_denoising_error,
    noisy_wishart_density,
    noisy_wishart_edges,
    noisy_wishart_spectrum,
)
from .planted_features import (
    ResonanceBand,
    chance_recovery,
    coupon_recovery,
    resonance_band,
    sufficient_width,
)
from .pruning import (
    adaptive_keep_share,
    gaussian_pq_index,
    laplace_pq_index,
    pq_pruning_bound,
    tail_ratio,
    uniform_pq_index,
)
from .quadratic_network import (
    narrow_network_mmse,
    quadratic_network_channel_noise,
    quadratic_network_mmse,
    quadratic_network_recovery_threshold,
    quadratic_network_state_evolution,
    wide_network_mmse,
)
from .robust_matrix_sensing import (
    escape_steps,
    factored_degrees_of_freedom,
    least_squares_matrix_error,
    robust_sample_boundary,
    sign_scale,
    subgradient_growth,
)
from .spectral_mixture import unmixing_oracle_error
from .state_evolution import (
    LassoPrediction,
    lasso_calibration,
    lasso_minimum_mse,
    soft_threshold_active_fraction,
    soft_threshold_fixed_point,
    soft_threshold_mse,
    soft_threshold_state_evolution,
)
from .support_recovery import (
    information_theoretic_samples,
    lasso_support_control,
    lasso_support_samples,
    minimax_error,
)

__all__ = [
    "BernoulliGaussFixedPoints",
    "LassoPrediction",
    "NormInterval",
    "ResonanceBand",
    "Spectrum",
    "ThresholdWindow",
    "activation_second_moment",
    "adaptive_keep_share",
    "afa_bias",
    "afa_interval",
    "afa_spread",
    "amp_transition",
    "bernoulli_gauss_fixed_points",
    "bernoulli_gauss_mmse",
    "bernoulli_gauss_state_evolution",
    "bottom_up_information",
    "calibration_counting_limit",
    "calibration_start_error",
    "chance_recovery",
    "chernoff_hellinger",
    "coherence_isometry",
    "coupon_recovery",
    "donoho_tanner_strong",
    "donoho_tanner_weak",
    "escape_steps",
    "factored_degrees_of_freedom",
    "gaussian_pq_index",
    "information_limit",
    "information_theoretic_samples",
    "laplace_pq_index",
    "largest_kept_penalty",
    "lasso_calibration",
    "lasso_minimum_mse",
    "lasso_support_control",
    "lasso_support_samples",
    "least_quiet_penalty",
    "least_squares_matrix_error",
    "logarithmic_densities",
    "matrix_denoising_error",
    "minimax_error",
    "minimax_risk",
    "minimax_threshold",
    "mumford_shah_line",
    "narrow_network_mmse",
    "noise_sensitivity",
    "noisy_wishart_density",
    "noisy_wishart_edges",
    "noisy_wishart_spectrum",
    "oracle_least_squares_error",
    "pq_pruning_bound",
    "quadratic_network_channel_noise",
    "quadratic_network_mmse",
    "quadratic_network_recovery_threshold",
    "quadratic_network_state_evolution",
    "resonance_band",
    "robust_sample_boundary",
    "sign_scale",
    "soft_threshold_active_fraction",
    "soft_threshold_fixed_point",
    "soft_threshold_mse",
    "soft_threshold_state_evolution",
    "spinodal",
    "subgradient_growth",
    "sufficient_width",
    "tail_ratio",
    "threshold_window",
    "tight_frame_cosine",
    "tight_frame_stability",
    "top_down_information",
    "uniform_pq_index",
    "uniqueness_sparsity",
    "unmixing_oracle_error",
    "welch_coherence",
    "wide_network_mmse",
]
