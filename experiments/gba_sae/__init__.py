"""Sparse autoencoders that recover planted features by adapting biases (Chen et al. 2025)."""

from ..figure import Figure
from .digits import Digits
from .frequency_awareness import FrequencyAwareness
from .frontier import Frontier
from .resonance import Resonance

FIGURES: dict[str, type[Figure]] = {
    "resonance": Resonance,
    "frequency_awareness": FrequencyAwareness,
    "frontier": Frontier,
    "digits": Digits,
}
