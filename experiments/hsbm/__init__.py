"""Bottom-up against top-down hierarchical community detection (Dreveton et al. 2023)."""

from ..figure import Figure
from .dendrograms import Dendrograms
from .plane import Plane
from .robustness import Robustness
from .thresholds import Thresholds
from .unbalanced import Unbalanced

FIGURES: dict[str, type[Figure]] = {
    "thresholds": Thresholds,
    "phase_diagram": Plane,
    "sparse_plane": Plane,
    "ternary_plane": Plane,
    "robustness": Robustness,
    "unbalanced": Unbalanced,
    "dendrograms": Dendrograms,
}
