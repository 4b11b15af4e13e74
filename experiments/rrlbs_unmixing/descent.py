"""The objective per step, with the sparsity levels refreshed, and with them frozen."""

import equinox as eqx
import jax
import numpy as np
import pandas as pd

from recover import Table, solvers
from recover.core.leaves import cast_floating, floating_dtype
from recover.core.solve import run_watched
from recover.sweeps.program import stack

from ..fields import Count, Positive
from .common import MixtureFigure


class Descent(MixtureFigure):
    """Histories of the objective in double precision, run to the end of the budget."""

    penalty: Positive
    freeze: Count

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """One row per variant, trial and step."""
        make = solvers.SparseUnmixing
        always = {"freeze": 0, "tolerance": -1.0}
        variants = {
            "refreshed": make.rrlbs(self.penalty, tolerance=-1.0),
            "frozen later": make.rrlbs(self.penalty, freeze=self.freeze, tolerance=-1.0),
            "frozen at the start": make.rrlbs(self.penalty, burn_in=0, **always),
            "l2,1 only": make.robust(**always),
            "l1/2-NMF": make.half(self.penalty, **always),
            "graph NMF": make.graph(**always),
        }
        found = []
        with jax.enable_x64(True):
            for trial in range(self.trials):
                key = jax.random.fold_in(jax.random.key(self.seed), trial)
                histories = np.asarray(_histories(self.model(), stack(list(variants.values())), key, self.max_steps))
                for name, history in zip(variants, histories, strict=True):
                    columns = {"step": np.arange(len(history)), "objective": history}
                    found.append(pd.DataFrame({"variant": name, "trial": trial, **columns}))
        return {"objectives": pd.concat(found, ignore_index=True)}


@eqx.filter_jit
def _histories(model, stacked, key, max_steps):
    problem, _ = model.sample(key)

    def history(solver):
        solver = cast_floating(solver, floating_dtype(problem))
        return run_watched(problem, solver, key, max_steps, lambda state: solver.objective(problem, state), 1).history

    return jax.lax.map(history, stacked)
