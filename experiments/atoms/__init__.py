"""Atoms: the atomic inner product, unique codes, autoencoders with thresholds (Hu et al. 2025)."""

from ..figure import Figure
from .capacity import Capacity
from .certificates import Certificates
from .data_size import DataSize
from .ideal_encoder import IdealEncoder
from .language_model import LanguageModel
from .representation import Representation
from .support_recovery import SupportRecovery
from .units import Units

FIGURES: dict[str, type[Figure]] = {
    "representation": Representation,
    "support_recovery": SupportRecovery,
    "ideal_encoder": IdealEncoder,
    "certificates": Certificates,
    "units": Units,
    "capacity": Capacity,
    "data_size": DataSize,
    "language_model": LanguageModel,
}
