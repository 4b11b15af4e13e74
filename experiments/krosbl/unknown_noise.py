"""Error and support recovery over the sampling ratio when the noise variance is learnt."""

import numpy as np

from ..fields import Count
from ..figure import Axis
from ..summaries import summarise
from .common import KroneckerFigure, make

# Learning the noise, the public code halves the pruning of its own methods.
_PRUNE = {"AM-KroSBL": 5e-3, "SVD-KroSBL": 5e-4, "KSBL": 1e-2, "cSBL": 1e-3}


class UnknownNoise(KroneckerFigure):
    """A line over the rows of the first matrix, with seconds per instance of the batched programs."""

    samples: Axis[Count]
    other_rows: tuple[Count, Count]
    sparsity: Count
    snr: float

    def cell(self, samples):
        own = {name: {"prune": share} for name, share in _PRUNE.items()}
        made = make(self.solvers, self.sparsity, own, learn_noise=True)
        return self.model((samples, *self.other_rows), self.sparsity, self.snr), made

    def tables(self, swept):
        cells = summarise(swept, ["samples", "solver"], error="mean", support_recovery="mean")
        ratio = cells["samples"] * np.prod(self.other_rows) / self.dimension**3
        # Solvers of one program share its time.
        seconds = swept.provenance["run_seconds"] / swept.frame.groupby("block").size()
        rows = swept.frame.assign(seconds=swept.frame["block"].map(seconds))
        return {"cells": cells.assign(ratio=ratio), "times": rows.groupby("solver")["seconds"].mean().reset_index()}
