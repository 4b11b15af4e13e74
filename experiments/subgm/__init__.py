"""The sub-gradient method for robust low-rank recovery from a small start (Ma and Fattahi 2023)."""

from ..figure import Figure
from .against_least_squares import AgainstLeastSquares
from .beyond_the_minimiser import BeyondTheMinimiser
from .convergence import Convergence
from .gaussian_noise import GaussianNoise
from .initial_scale import InitialScale
from .noiseless_descent import NoiselessDescent
from .phase_diagram import PhaseDiagram
from .search_rank import SearchRank
from .step_rules import StepRules

FIGURES: dict[str, type[Figure]] = {
    "convergence": Convergence,
    "initial_scale": InitialScale,
    "search_rank": SearchRank,
    "phase_diagram": PhaseDiagram,
    "against_least_squares": AgainstLeastSquares,
    "beyond_the_minimiser": BeyondTheMinimiser,
    "gaussian_noise": GaussianNoise,
    "step_rules": StepRules,
    "noiseless_descent": NoiselessDescent,
}
