"""Gradient descent, and its average over initialisations, against the Bayes-optimal error."""

from .common import DescentFigure


class GradientDescent(DescentFigure):
    """Over samples, with and without noise."""

    def tables(self, swept):
        return {"errors": self.errors(swept, "sampling", "noise")}
