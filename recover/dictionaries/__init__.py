"""Dictionaries: planted features, how sets of directions compare, and the autoencoders that learn them."""

from ..core.lazy import attach

_HOMES = {
    "consistency": "dictionaries.directions",
    "cosines": "dictionaries.directions",
    "greedy_distance": "dictionaries.directions",
    "largest_cosines": "dictionaries.directions",
    "matched_cosines": "dictionaries.directions",
    "present_rows": "dictionaries.directions",
    "unit_rows": "dictionaries.directions",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
