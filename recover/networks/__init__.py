"""Networks that a teacher plants: quadratic ones, and sparse ones with ReLU units."""

from ..core.lazy import attach

_HOMES = {
    "Network": "networks.network",
    "forward": "networks.network",
    "initial_network": "networks.network",
    "layer_shapes": "networks.network",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
