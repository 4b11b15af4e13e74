"""Noisy gradient descent with weight decay."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Count, Grid, Nonnegative, Positive
from ..figure import Sweep
from .common import Descent, NetworkFigure, Noises, bayes_error, descent_errors, network, summary


class WeightDecay(NetworkFigure):
    """Samples and weight decay are traced: one program."""

    dimension: Count
    ratio: Positive
    samplings: Grid
    noise: Nonnegative
    weight_decays: Noises
    descent: Descent

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {"sampling": self.samplings, "weight_decay": self.weight_decays}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, sampling, weight_decay):
        return network(self.dimension, self.ratio, sampling, self.noise), self.descent.build(weight_decay)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors of single runs and of averages, and the prediction."""
        frame = descent_errors(swept["runs"].frame, self.descent.initialisations)
        errors = summary(frame, ["sampling", "weight_decay"], ["single", "average", "spread"])
        errors["bayes"] = bayes_error(errors["sampling"].to_numpy(), self.ratio, self.noise)
        samplings = np.linspace(0.01, max(self.samplings), 100)
        line = pd.DataFrame({"sampling": samplings, "error": bayes_error(samplings, self.ratio, self.noise)})
        return {"errors": errors, "line": line}
