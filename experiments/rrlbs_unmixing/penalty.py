"""Errors against the strength of the penalty."""

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from recover import Table
from recover.mixtures.sparse_unmixing import hoyer_penalty

from ..fields import Positive
from ..figure import Sweep
from .common import MethodsFigure, rows, summary


class Penalty(MethodsFigure):
    """The penalty is traced: one program."""

    penalties: tuple[Positive, ...]
    automatic_trials: int

    def sweeps(self) -> dict[str, Sweep]:
        """One grid, in halves."""
        return self.halves(self._cell, {"penalty": self.penalties})

    def _cell(self, penalty):
        return self.model(), self.solvers(penalty)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors, the same with the best penalty of each method and with one for all, and the automatic penalty."""
        frame = rows(swept)
        errors = summary(frame, ["penalty", "solver"], self.seed)
        chosen = []
        # The penalty is chosen on the first instance alone; errors are those on all others.
        first = frame[frame["trial"] == 0].sort_values("error").drop_duplicates("solver")
        tuned = first.set_index("solver")["penalty"]
        others = frame[frame["trial"] != 0]
        for solver, group in others.groupby("solver", sort=False):
            for kind, penalty in (("tuned", tuned[solver]), ("common", self.penalty)):
                at = group[group["penalty"] == penalty]
                chosen.append(
                    {
                        "solver": solver,
                        "choice": kind,
                        "penalty": penalty,
                        "rmse": at["error"].mean(),
                        "sad": at["sad"].mean(),
                    }
                )
        keys = jax.random.split(jax.random.key(self.seed), self.automatic_trials)
        automatic = np.asarray(_automatic(self.model(), keys))
        return {"errors": errors, "chosen": pd.DataFrame(chosen), "automatic": pd.DataFrame({"penalty": automatic})}


@eqx.filter_jit
def _automatic(model, keys):
    return jax.lax.map(lambda key: hoyer_penalty(model.sample(key)[0]), keys)
