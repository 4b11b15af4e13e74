"""Where iterations start, as objects apart from the solvers that use them.

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {
    "AbstractEndmemberStart": "mixtures.starts",
    "AbstractFactorStart": "low_rank.starts",
    "IdentityFactors": "low_rank.starts",
    "PlantedFactors": "low_rank.starts",
    "RandomFactors": "low_rank.starts",
    "SignSpectralFactors": "low_rank.starts",
    "SuccessiveProjection": "mixtures.starts",
    "TruncatedSpectralFactors": "low_rank.starts",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
