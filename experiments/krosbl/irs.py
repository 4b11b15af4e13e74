"""Channel estimation over a reflecting surface."""

import numpy as np
import pandas as pd

from recover import models, solvers

from ..fields import Count, Positive
from ..figure import Axis, Sweep, SweepFigure
from ..summaries import summarise
from .common import START


class IRS(SweepFigure):
    """Error, symbol errors and spectral efficiency over the signal-to-noise ratio.

    The two solvers whose steps are cubic in the number of observations see fewer instances.
    """

    patterns: Count
    pilots: Count
    spread: Count
    snr: Axis[float]
    couplings: tuple[Positive, ...]
    unstructured_snrs: tuple[float, ...]
    unstructured_trials: Count
    unstructured_max_steps: Count

    def sweeps(self):
        options = self.options(max_steps=self.unstructured_max_steps)
        return {
            "kronecker": Sweep(self.cell, self.axes(), self.trials, self.options()),
            "unstructured": Sweep(self._slow, {"snr": self.unstructured_snrs}, self.unstructured_trials, options),
        }

    def cell(self, snr):
        made = {
            "SVD-KroSBL": solvers.SVDKroSBL(prune=np.zeros(3), initial_variance=START),
            "AM-KroSBL": solvers.AMKroSBL(prune=np.full(3, 1e-3), initial_variance=START),
        }
        options = {"prune": np.asarray([1e-2, 1e-1, 1e-2]), "initial_variance": START}
        for coupling in self.couplings:
            made[f"PC-KroSBL {coupling:g}"] = solvers.ClusteredKroSBL(coupling=coupling, **options)
        return self._model(snr), made

    def _slow(self, snr):
        return self._model(snr), {
            "cSBL": solvers.UnstructuredSBL(prune=1e-4, initial_variance=START),
            "PC-SBL": solvers.UnstructuredSBL(coupling=0.9, shape=0.5, rate=1e-4, initial_variance=START),
        }

    def _model(self, snr):
        return models.IRSChannel(self.patterns, self.pilots, float(snr), self.spread)

    def tables(self, swept):
        rows = pd.concat([table.frame for table in swept.values()])
        metrics = ("error", "symbol_error", "spectral_efficiency", "spectral_efficiency_known")
        options = {"median": ("error", "median"), **dict.fromkeys(metrics, "mean")}
        return {"cells": summarise(rows, ["snr", "solver"], **options)}
