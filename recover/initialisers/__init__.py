"""Where iterations start, as objects apart from the solvers that use them."""

from .endmembers import AbstractEndmemberStart as AbstractEndmemberStart
from .endmembers import SuccessiveProjection as SuccessiveProjection
from .factors import AbstractFactorStart as AbstractFactorStart
from .factors import IdentityFactors as IdentityFactors
from .factors import PlantedFactors as PlantedFactors
from .factors import RandomFactors as RandomFactors
from .factors import SignSpectralFactors as SignSpectralFactors
from .factors import TruncatedSpectralFactors as TruncatedSpectralFactors

__all__ = [
    "AbstractEndmemberStart",
    "AbstractFactorStart",
    "IdentityFactors",
    "PlantedFactors",
    "RandomFactors",
    "SignSpectralFactors",
    "SuccessiveProjection",
    "TruncatedSpectralFactors",
]
