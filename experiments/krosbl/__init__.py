"""Kronecker-structured sparse Bayesian learning (He and Joseph)."""

from ..figure import Figure
from .accuracy import Accuracy
from .against_sbl import AgainstSBL
from .convergence import Convergence
from .irs import IRS
from .noise_variance import NoiseVariance
from .rank_one import RankOne
from .unknown_noise import UnknownNoise

FIGURES: dict[str, type[Figure]] = {
    "accuracy": Accuracy,
    "against_sbl": AgainstSBL,
    "convergence": Convergence,
    "noise_variance": NoiseVariance,
    "unknown_noise": UnknownNoise,
    "rank_one": RankOne,
    "irs": IRS,
}
