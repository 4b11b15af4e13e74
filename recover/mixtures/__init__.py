"""Linear mixtures of nonnegative spectra."""

from ..core.lazy import attach

_HOMES = {
    "Mixture": "mixtures.mixture",
    "endmember_mean": "mixtures.mixture",
    "gini_level": "mixtures.mixture",
    "hoyer_level": "mixtures.mixture",
    "matched": "mixtures.mixture",
    "spectral_angles": "mixtures.mixture",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
