"""Bayes-optimal learning of quadratic networks of extensive width (Maillard et al. 2024)."""

from ..figure import Figure
from .bayes_error import BayesError
from .gradient_descent import GradientDescent
from .message_passing import MessagePassing
from .narrow_networks import NarrowNetworks
from .phase_diagram import PhaseDiagram
from .trivialisation import Trivialisation
from .weight_decay import WeightDecay

FIGURES: dict[str, type[Figure]] = {
    "bayes_error": BayesError,
    "phase_diagram": PhaseDiagram,
    "message_passing": MessagePassing,
    "gradient_descent": GradientDescent,
    "narrow_networks": NarrowNetworks,
    "weight_decay": WeightDecay,
    "trivialisation": Trivialisation,
}
