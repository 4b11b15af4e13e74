"""How the transition sharpens with the dimension."""

from recover import solvers

from ..fields import Count, Positive, Share
from ..figure import Axis, SweepFigure
from ..summaries import summarise
from .common import in_relative_sparsity, regression, weak_transition


class FiniteSize(SweepFigure):
    """Success of AMP across the transition at one sampling ratio; each dimension is a program of its own."""

    dimension: Axis[Count]
    multiple: Axis[Positive]
    sampling_ratio: Share
    below: Positive

    def cell(self, dimension, multiple):
        relative_sparsity = multiple * weak_transition(self.sampling_ratio)
        return regression(dimension, self.sampling_ratio, relative_sparsity), solvers.AMP()

    def tables(self, swept):
        transition = weak_transition(self.sampling_ratio)
        rows = swept.frame.assign(
            solved=swept.frame["error"] < self.below, relative_sparsity=swept.frame["multiple"] * transition
        )
        fitted = swept.boundary("multiple", below=self.below, seed=self.seed)
        return {
            "success": summarise(rows, ["dimension", "relative_sparsity"], rate=("solved", "rate")),
            "boundary": in_relative_sparsity(fitted, [transition] * len(fitted)),
        }
