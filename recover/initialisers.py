"""Where iterations start, as objects apart from the solvers that use them.

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {
    "AbstractDirection": "spiked.starts",
    "AbstractEndmemberStart": "mixtures.starts",
    "AbstractFactorStart": "low_rank.starts",
    "AbstractPhaselessStart": "phase.starts",
    "AbstractSpectralStart": "phase.starts",
    "ChosenDirection": "spiked.starts",
    "ChosenStart": "phase.starts",
    "CorrelatedDirection": "spiked.starts",
    "CorrelatedStart": "phase.starts",
    "IdentityFactors": "low_rank.starts",
    "MinimalThresholdStart": "phase.starts",
    "NullStart": "phase.starts",
    "OptimalSpectralStart": "phase.starts",
    "OrthogonalityPromotingStart": "phase.starts",
    "PartialTraceDirection": "spiked.starts",
    "PlantedFactors": "low_rank.starts",
    "RandomDirection": "spiked.starts",
    "RandomFactors": "low_rank.starts",
    "RandomSignal": "phase.starts",
    "SignSpectralFactors": "low_rank.starts",
    "SpectralDirection": "spiked.starts",
    "SpectralStart": "phase.starts",
    "SuccessiveProjection": "mixtures.starts",
    "TruncatedSpectralFactors": "low_rank.starts",
    "TruncatedSpectralStart": "phase.starts",
    "WeightedSpectralStart": "phase.starts",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
