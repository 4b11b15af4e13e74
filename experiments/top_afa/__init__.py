"""Autoencoders judged and designed by the norms of their codes (Lee et al. 2025)."""

from ..figure import Figure
from .afa_law import AFALaw
from .choice import Choice
from .layers import Layers
from .training import Trained
from .warm_start import WarmStart
from .zf_plot import ZFPlot

FIGURES: dict[str, type[Figure]] = {
    "afa_law": AFALaw,
    "zf_plot": ZFPlot,
    "choice": Choice,
    "layers": Layers,
    "training": Trained,
    "warm_start": WarmStart,
}
