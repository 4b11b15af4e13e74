"""From how many samples on all initialisations reach one point, against the noise."""

import pandas as pd
import pydantic

from recover import Table

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import Descent, NetworkFigure, Noises, network, recovery_threshold, summary


class Trivialisation(NetworkFigure):
    """Samples and noise are traced: one program."""

    dimension: Count
    ratio: Positive
    samplings: Grid
    noises: Noises
    descent: Descent
    below: Positive
    published: dict[str, float] = pydantic.Field(default_factory=dict)

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {"sampling": self.samplings, "noise": self.noises}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, sampling, noise):
        return network(self.dimension, self.ratio, sampling, noise), self.descent.build()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Spread between runs, the sampling at which it vanishes in half of the instances, and published values."""
        table = swept["runs"]
        published = pd.DataFrame(
            {"noise": [float(key) for key in self.published], "sampling": list(self.published.values())}
        )
        return {
            "spread": summary(table.frame, ["sampling", "noise"], ["spread"]),
            "boundary": table.boundary("sampling", below=self.below, metric="spread", seed=self.seed),
            "threshold": pd.DataFrame({"sampling": [float(recovery_threshold(self.ratio))]}),
            "published": published,
        }
