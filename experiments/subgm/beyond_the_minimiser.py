"""Few samples: the truth is not the minimiser of the loss, yet a small start finds it."""

from ..fields import Count, Positive
from ..figure import Axis
from .common import MatrixFigure, Step, subgradient_method


class BeyondTheMinimiser(MatrixFigure):
    """Final loss and error from a small and from a large start, with the loss at the truth."""

    samples: Axis[Count]
    search_rank: Count
    initial_scales: dict[str, Positive]
    steps: dict[str, Step]

    def cell(self, samples):
        return self.model(samples), {
            name: subgradient_method(self.search_rank, self.initial_scales[name], step)
            for name, step in self.steps.items()
        }

    def tables(self, swept):
        return {"runs": swept.frame[["solver", "trial", "error", "loss", "loss_at_truth"]]}
