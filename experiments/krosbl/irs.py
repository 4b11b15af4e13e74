"""Channel estimation over a reflecting surface."""

import numpy as np
import pandas as pd

from recover import Table, models, solvers

from ..fields import Count, Positive
from ..figure import Figure, Sweep
from .settings import START, instance_seconds, summary

METRICS = (
    "symbol_error",
    "spectral_efficiency",
    "spectral_efficiency_known",
    "support_recovery",
    "steps",
)


class IRS(Figure):
    """Error, symbol errors and spectral efficiency over the signal-to-noise ratio."""

    patterns: Count
    pilots: Count
    spread: Count
    snrs: tuple[float, ...]
    couplings: tuple[Positive, ...]
    trials: Count
    max_steps: Count
    unstructured_snrs: tuple[float, ...]
    unstructured_trials: Count
    unstructured_max_steps: Count

    def sweeps(self) -> dict[str, Sweep]:
        """The Kronecker solvers, and the two whose steps are cubic in the number of observations on fewer instances."""
        fast = {"seed": self.seed, "max_steps": self.max_steps}
        slow = {"seed": self.seed, "max_steps": self.unstructured_max_steps}
        return {
            "kronecker": Sweep(self._cell, {"snr": self.snrs}, self.trials, fast),
            "unstructured": Sweep(self._slow_cell, {"snr": self.unstructured_snrs}, self.unstructured_trials, slow),
        }

    def _model(self, snr):
        return models.IRSChannel(self.patterns, self.pilots, float(snr), self.spread)

    def _cell(self, snr):
        made = {
            "SVD-KroSBL": solvers.SVDKroSBL(prune=np.zeros(3), initial_variance=START),
            "AM-KroSBL": solvers.AMKroSBL(prune=np.full(3, 1e-3), initial_variance=START),
        }
        for coupling in self.couplings:
            prune = np.asarray([1e-2, 1e-1, 1e-2])
            made[f"PC-KroSBL {coupling:g}"] = solvers.ClusteredKroSBL(
                coupling=coupling, prune=prune, initial_variance=START
            )
        return self._model(snr), made

    def _slow_cell(self, snr):
        return self._model(snr), {
            "cSBL": solvers.UnstructuredSBL(prune=1e-4, initial_variance=START),
            "PC-SBL": solvers.UnstructuredSBL(coupling=0.9, shape=0.5, rate=1e-4, initial_variance=START),
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Summaries per solver, and per trial, with seconds per instance."""
        frames = [table.frame for table in swept.values()]
        cells = pd.concat([summary(frame, ["snr", "solver"], METRICS, self.seed) for frame in frames])
        columns = ["snr", "solver", "trial", "error", "symbol_error"]
        return {
            "cells": cells.reset_index(drop=True),
            "trials": pd.concat([frame[columns] for frame in frames], ignore_index=True),
            "times": pd.concat([instance_seconds(table) for table in swept.values()], ignore_index=True),
        }
