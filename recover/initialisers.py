"""Where iterations start, as objects apart from the solvers that use them.

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {
    "AbstractEndmemberStart": "mixtures.starts",
    "AbstractFactorStart": "low_rank.starts",
    "AbstractPhaselessStart": "phase.starts",
    "AbstractSpectralStart": "phase.starts",
    "ChosenStart": "phase.starts",
    "CorrelatedStart": "phase.starts",
    "IdentityFactors": "low_rank.starts",
    "MinimalThresholdStart": "phase.starts",
    "NullStart": "phase.starts",
    "OptimalSpectralStart": "phase.starts",
    "OrthogonalityPromotingStart": "phase.starts",
    "PlantedFactors": "low_rank.starts",
    "RandomFactors": "low_rank.starts",
    "RandomSignal": "phase.starts",
    "SignSpectralFactors": "low_rank.starts",
    "SpectralStart": "phase.starts",
    "SuccessiveProjection": "mixtures.starts",
    "TruncatedSpectralFactors": "low_rank.starts",
    "TruncatedSpectralStart": "phase.starts",
    "WeightedSpectralStart": "phase.starts",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
