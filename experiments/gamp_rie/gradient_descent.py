"""Gradient descent, and its average over initialisations, against the Bayes-optimal error."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import Descent, NetworkFigure, Noises, bayes_error, descent_errors, network, recovery_threshold, summary


class GradientDescent(NetworkFigure):
    """Samples and noise are traced: one program."""

    dimension: Count
    ratio: Positive
    samplings: Grid
    noises: Noises
    descent: Descent

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {"sampling": self.samplings, "noise": self.noises}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, sampling, noise):
        return network(self.dimension, self.ratio, sampling, noise), self.descent.build()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors of single runs and of averages, and the prediction."""
        frame = descent_errors(swept["runs"].frame, self.descent.initialisations)
        errors = summary(frame, ["sampling", "noise"], ["single", "average", "error", "spread", "residual"])
        errors["bayes"] = bayes_error(errors["sampling"].to_numpy(), self.ratio, errors["noise"].to_numpy())
        samplings = np.linspace(0.01, max(self.samplings), 100)
        noise, sampling = (grid.reshape(-1) for grid in np.meshgrid(self.noises, samplings, indexing="ij"))
        line = pd.DataFrame({"noise": noise, "sampling": sampling, "error": bayes_error(sampling, self.ratio, noise)})
        threshold = pd.DataFrame({"sampling": [float(recovery_threshold(self.ratio))]})
        return {"errors": errors, "line": line, "threshold": threshold}
