"""Error and support recovery over the sampling ratio when the noise variance is learnt."""

import numpy as np
import pandas as pd

from recover import Table, models

from ..fields import Count
from ..figure import Figure, Sweep
from .settings import SolverNames, instance_seconds, make, summary

# Learning the noise, the public code halves the pruning of its own methods.
_PRUNE = {"AM-KroSBL": 5e-3, "SVD-KroSBL": 5e-4, "KSBL": 1e-2, "cSBL": 1e-3}


class UnknownNoise(Figure):
    """A line over the rows of the first matrix."""

    dimension: Count
    other_rows: tuple[Count, Count]
    sample_line: tuple[Count, ...]
    sparsity: Count
    snr: float
    solvers: SolverNames
    trials: Count
    max_steps: Count

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        options = {"seed": self.seed, "max_steps": self.max_steps}
        return {"line": Sweep(self._cell, {"samples": self.sample_line}, self.trials, options)}

    def _cell(self, samples):
        rows = (samples, *self.other_rows)
        model = models.KroneckerSparse((self.dimension,) * 3, rows, self.sparsity, snr=self.snr)
        made = {}
        for name in self.solvers:
            options = {"learn_noise": True, "prune": _PRUNE[name]} if name in _PRUNE else {}
            made |= make([name], self.sparsity**3, **options)
        return model, made

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Summaries and seconds per instance of the batched programs."""
        cells = summary(swept["line"].frame, ["samples", "solver"], seed=self.seed)
        cells["ratio"] = cells["samples"] * np.prod(self.other_rows) / self.dimension**3
        return {"cells": cells, "times": instance_seconds(swept["line"])}
