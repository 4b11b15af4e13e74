"""Error per step for many step rules."""

from ..fields import Count
from ..figure import NamedAxis
from .common import MatrixFigure, Run, subgradient_method


class StepRules(MatrixFigure):
    """One program per kind of rule; constants of a kind are traced."""

    samples: Count
    run: NamedAxis[Run]

    def cell(self, run):
        chosen = self.run[run]
        return self.model(self.samples), subgradient_method(chosen.search_rank, chosen.initial_scale, chosen.step)

    def tables(self, swept):
        return {"curves": self.errors_per_step(swept, "run")}
