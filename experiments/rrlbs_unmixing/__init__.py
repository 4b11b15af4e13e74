"""Spectral unmixing with robust representation and learning-based sparsity (Zhu et al.)."""

from ..figure import Figure
from .channel_weights import ChannelWeights
from .descent import Descent
from .endmembers import Endmembers
from .guidance_map import GuidanceMap
from .limits import Limits
from .noise import Noise
from .outliers import Outliers
from .penalty import Penalty
from .purity import Purity

FIGURES: dict[str, type[Figure]] = {
    "outliers": Outliers,
    "noise": Noise,
    "penalty": Penalty,
    "purity": Purity,
    "endmembers": Endmembers,
    "limits": Limits,
    "guidance_map": GuidanceMap,
    "channel_weights": ChannelWeights,
    "descent": Descent,
}
