"""Errors against the strength of the penalty."""

import jax
import pandas as pd

from recover.mixtures.sparse_unmixing import hoyer_penalty

from ..fields import Count, Positive
from ..figure import Axis
from ..summaries import summarise
from .common import MethodsFigure


class Penalty(MethodsFigure):
    """Errors, the same with the best strength of each method and with one for all, and the strength taken from data."""

    strength: Axis[Positive]
    automatic_trials: Count

    def cell(self, strength):
        return self.model(), self.solvers(strength)

    def tables(self, swept):
        # The strength is chosen on the first instance alone; errors are those on all others.
        first = swept.frame["trial"] == 0
        others = swept.frame[~first]
        best = swept.frame[first].sort_values("error").drop_duplicates("solver").set_index("solver")["strength"]
        strengths = {"common": self.penalty, "tuned": others["solver"].map(best)}
        chosen = [
            summarise(others[others["strength"] == strength], ["solver", "strength"], error="mean").assign(
                choice=choice
            )
            for choice, strength in strengths.items()
        ]
        return {**super().tables(swept), "chosen": pd.concat(chosen, ignore_index=True)}

    def predictions(self):
        keys = jax.random.split(jax.random.key(self.seed), self.automatic_trials)
        found = [float(hoyer_penalty(self.model().sample(key)[0])) for key in keys]
        return {"automatic": pd.DataFrame({"strength": found})}
