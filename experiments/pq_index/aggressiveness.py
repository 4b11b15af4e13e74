"""How eta and gamma make SAP prune more."""

from ..fields import Nonnegative, Positive
from ..figure import Axis
from .common import PAIRS, Digits, DigitsFigure


class Aggressiveness(DigitsFigure):
    """One of both differs from its default, the first of the list; for both pairs of exponents."""

    p: Axis[Positive] = (0.5, 1.0)
    eta: Axis[Nonnegative]
    gamma: Axis[Positive]

    def cell(self, p, eta, gamma):
        if eta != self.eta[0] and gamma != self.gamma[0]:
            return None
        return Digits(self.training_pictures), self.sap(p, dict(PAIRS.values())[p], eta=eta, gamma=gamma)

    def tables(self, swept):
        return {"curves": self.curves(swept, "remaining", "live", "accuracy", "pqi_half")}
