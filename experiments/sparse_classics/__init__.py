"""The classics of sparse recovery: phase transitions, state evolution, universality, structured operators."""

from ..figure import Figure
from .finite_size import FiniteSize
from .noise_grid import NoiseGrid
from .nonconvex_penalties import NonconvexPenalties
from .phase_diagram import PhaseDiagram
from .photograph import Photograph
from .state_evolution import StateEvolution
from .support_recovery import SupportRecovery
from .universality import Universality

FIGURES: dict[str, type[Figure]] = {
    "phase_diagram": PhaseDiagram,
    "universality": Universality,
    "state_evolution": StateEvolution,
    "finite_size": FiniteSize,
    "noise_grid": NoiseGrid,
    "photograph": Photograph,
    "nonconvex_penalties": NonconvexPenalties,
    "support_recovery": SupportRecovery,
}
