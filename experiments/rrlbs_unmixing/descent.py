"""The objective per step, with the sparsity levels refreshed, and with them frozen."""

import numpy as np

from recover import solvers

from ..fields import Count
from ..summaries import summarise, unrolled
from .common import SceneFigure


def objective(model, truth, problem, solver, state):
    """The solver's objective at a state."""
    return {"reached": solver.objective(problem, state)}


class Descent(SceneFigure):
    """Objectives, run to the end of the budget: relative to the last one, and by how much a step raises it."""

    measure = objective

    freeze: Count

    def cell(self):
        make = solvers.SparseUnmixing
        always = {"freeze": 0, "tolerance": -1.0}
        return self.model(), {
            "refreshed": make.rrlbs(self.penalty, tolerance=-1.0),
            "frozen later": make.rrlbs(self.penalty, freeze=self.freeze, tolerance=-1.0),
            "frozen at the start": make.rrlbs(self.penalty, burn_in=0, **always),
            "l2,1 only": make.robust(**always),
            "l1/2-NMF": make.half(self.penalty, **always),
            "graph NMF": make.graph(**always),
        }

    def tables(self, swept):
        reached = np.stack(swept.frame["reached_history"].to_list())
        rises = np.pad(np.diff(reached) / reached[:, :-1], ((0, 0), (1, 0)))
        histories = {"relative_history": list(reached / reached[:, -1:]), "rise_history": list(rises)}
        columns = {"relative": "relative_history", "rise": "rise_history"}
        long = unrolled(swept.frame.assign(**histories), 1, columns)
        return {"curves": summarise(long, ["solver", "step"], **dict.fromkeys(columns, "median_range"))}
