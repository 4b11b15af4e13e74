"""One dimension: errors over the number of points, for three settings."""

import pandas as pd

from recover import Table

from ..fields import Counts, Positive
from ..figure import Sweep
from .common import SurfaceFigure, Weights, means, surface
from .line import LOCATED


class LineTable(SurfaceFigure):
    """Mean squared error, false positives and false negatives."""

    samples: Counts
    noise: Positive
    settings: tuple[Weights, ...]

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep; the number of cells follows the samples, so each number is a program."""
        axes = {"samples": self.samples, "setting": range(len(self.settings))}
        return {"fits": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, samples, setting):
        return surface(1, samples, self.noise), self.solver(self.settings[setting])

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances."""
        columns = ["mse", "false_positive", "false_negative", "jump_bias", "steps", *LOCATED]
        errors = means(swept["fits"].frame, ["samples", "setting"], columns)
        for name in ("data_weight", "jump_penalty"):
            errors[name] = [getattr(self.settings[setting], name) for setting in errors["setting"]]
        return {"errors": errors}
