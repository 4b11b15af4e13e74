"""Noisy gradient descent with weight decay."""

from .common import DescentFigure


class WeightDecay(DescentFigure):
    """Over samples, for several strengths."""

    def tables(self, swept):
        return {"errors": self.errors(swept, "sampling", "weight_decay")}
