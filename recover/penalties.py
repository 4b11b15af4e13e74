"""Penalties and constraints, with their proximal maps.

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {
    "AbstractArrayPenalty": "scalar.proximable",
    "AbstractMagnitudePenalty": "scalar.penalties",
    "AbstractPenalty": "scalar.penalties",
    "AbstractProximable": "scalar.proximable",
    "Box": "scalar.coupled_penalties",
    "ChosenPenalty": "scalar.penalties",
    "ElasticNet": "scalar.elastic_net",
    "GroupL1": "scalar.coupled_penalties",
    "L1": "scalar.penalties",
    "LQ": "scalar.penalties",
    "MCP": "scalar.penalties",
    "NuclearNorm": "scalar.coupled_penalties",
    "SCAD": "scalar.penalties",
    "Simplex": "scalar.coupled_penalties",
    "as_penalty": "scalar.penalties",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
