"""Blind gain calibration by projected gradient descent (Cambareri and Jacques 2018)."""

from ..figure import Figure
from .baselines import Baselines
from .convergence import Convergence
from .imaging import Imaging
from .noise import Noise
from .phase_transition import PhaseTransition
from .subspace_priors import SubspacePriors

FIGURES: dict[str, type[Figure]] = {
    "phase_transition": PhaseTransition,
    "convergence": Convergence,
    "subspace_priors": SubspacePriors,
    "noise": Noise,
    "imaging": Imaging,
    "baselines": Baselines,
}
