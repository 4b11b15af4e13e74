"""Free discontinuity regression next to total variation, local linear fits, and segments with their means."""

import functools

import pandas as pd

from recover import solvers

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from ..summaries import summarise
from .common import SurfaceFigure, Weights, fdr, surface

# Steps that baselines may take.
_MAX_STEPS = 3000


class Baselines(SurfaceFigure):
    """All on the same instances, every baseline with its best hyper-parameter; one threshold for all but segments, which are cut at theirs."""

    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    weights: Weights
    data_weights: Grid
    bandwidths: Grid
    segment_thresholds: Grid
    segment_bandwidth: Positive

    def sweeps(self):
        """One sweep per method."""
        # What counts as a jump, of scaled outcomes.
        threshold = self.weights.jump_penalty**0.5
        methods = {
            "total variation": (functools.partial(solvers.TotalVariation, threshold=threshold), self.data_weights),
            "local linear": (functools.partial(solvers.LocalLinear, threshold=threshold), self.bandwidths),
            "segment, then average": (
                functools.partial(solvers.SegmentThenAverage, self.segment_bandwidth),
                self.segment_thresholds,
            ),
            "FDR": (self._fdr, (1.0,)),
        }
        sweeps = {}
        for name, (method, values) in methods.items():
            options = self.options() if name == "FDR" else self.options(max_steps=_MAX_STEPS)
            sweeps[name] = Sweep(functools.partial(self._cell, method), {"value": values}, self.trials, options)
        return sweeps

    def _fdr(self, value):
        return fdr(self.weights, self.levels)

    def _cell(self, method, value):
        return surface(2, self.samples, self.noise, self.jump, self.cells), method(value)

    def tables(self, swept):
        columns = dict.fromkeys(["mse", "false_positive", "false_negative", "one_step", "one_step_truth"], "mean")
        errors = {name: summarise(table, ["value"], **columns) for name, table in swept.items()}
        best = [rows.loc[[rows["mse"].idxmin()]].assign(method=name) for name, rows in errors.items()]
        return {"best": pd.concat(best, ignore_index=True)}
