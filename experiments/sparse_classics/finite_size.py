"""How the transition sharpens with the dimension."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Ratio, Threshold, sizes, weak_transition


class FiniteSize(Figure):
    """Success of AMP across the transition at one sampling ratio, for growing dimensions."""

    dimensions: tuple[Count, ...] = pydantic.Field(min_length=2)
    sampling_ratio: Ratio
    multiples: tuple[Threshold, ...] = pydantic.Field(min_length=2)
    trials: Count
    max_steps: Count
    below: Threshold

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep; each dimension is a program of its own."""
        axes = {"dimension": self.dimensions, "multiple": self.multiples}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, dimension, multiple):
        transition = weak_transition(self.sampling_ratio)
        samples, sparsity = sizes(dimension, self.sampling_ratio, multiple * transition)
        return models.SparseRegression(dimension, samples, sparsity), solvers.AMP()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Success rates, boundary and width of the logistic fit per dimension, slope of log width on log dimension."""
        transition = weak_transition(self.sampling_ratio)
        boundary = swept["grid"].boundary("multiple", below=self.below, seed=self.seed)
        success = swept["grid"].success(below=self.below)
        success["relative_sparsity"] = success["multiple"] * transition
        for name in ("boundary", "low", "high", "width"):
            boundary[name] = boundary[name] * transition
        usable = boundary[np.isfinite(boundary["width"]) & (boundary["width"] > 0)]
        slope, intercept = np.polyfit(np.log(usable["dimension"].to_numpy(float)), np.log(usable["width"]), 1)
        scaling = pd.DataFrame({"exponent": [slope], "intercept": [intercept], "transition": [transition]})
        return {"success": success, "boundary": boundary, "scaling": scaling}
