"""Exponents of the PQ Index in SAP."""

from ..fields import Positive
from ..figure import Axis
from .common import Digits, DigitsFigure


class Exponents(DigitsFigure):
    """p below q = 1, and q above p = 1."""

    p: Axis[Positive]
    q: Axis[Positive]

    def cell(self, p, q):
        return (Digits(self.training_pictures), self.sap(p, q)) if (p == 1) != (q == 1) else None

    def tables(self, swept):
        return {"curves": self.curves(swept, "remaining", "live", "accuracy")}
