from .mixtures.starts import AbstractEndmemberStart as AbstractEndmemberStart
from .low_rank.starts import AbstractFactorStart as AbstractFactorStart
from .low_rank.starts import IdentityFactors as IdentityFactors
from .low_rank.starts import PlantedFactors as PlantedFactors
from .low_rank.starts import RandomFactors as RandomFactors
from .low_rank.starts import SignSpectralFactors as SignSpectralFactors
from .mixtures.starts import SuccessiveProjection as SuccessiveProjection
from .low_rank.starts import TruncatedSpectralFactors as TruncatedSpectralFactors
