"""How eta and gamma make SAP prune more."""

import pandas as pd

from recover import Table
from recover.solvers import IterativePruning

from ..fields import Nonnegative, Positive
from .common import PAIRS, DigitsFigure, summary


class Aggressiveness(DigitsFigure):
    """Both as traced numbers of one program, for both pairs of exponents."""

    etas: tuple[Nonnegative, ...]
    gammas: tuple[Positive, ...]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances."""
        training = self.training(self.training_pictures)
        # The default is the first of both lists and is run once.
        settings = [(self.etas[0], gamma) for gamma in self.gammas] + [(eta, 1.0) for eta in self.etas[1:]]
        solvers = {
            (p, eta, gamma): IterativePruning.sap(self.hidden, p, q, eta=eta, gamma=gamma, **training)
            for p, q in PAIRS
            for eta, gamma in settings
        }
        frame = summary(self.trajectories(self.model, {str(key): solver for key, solver in solvers.items()}))
        keys = pd.DataFrame([(str(key), *key) for key in solvers], columns=["method", "p", "eta", "gamma"])
        return {"curves": frame.merge(keys, on="method")}
