"""Success of many solvers over sampling ratio and relative sparsity."""

import dataclasses
import functools
from typing import Literal

import pandas as pd

from recover import solvers

from ..fields import Count, Grid, Positive, Share
from ..figure import Axis, Sweep, SweepFigure
from .common import in_relative_sparsity, regression, transition_curves, weak_transition

Solver = Literal[
    "AMP", "BayesAMP", "FISTA", "ReweightedL1", "IHT", "NormalizedIHT", "HTP", "CoSaMP", "SubspacePursuit", "OMP"
]


class PhaseDiagram(SweepFigure):
    """Phase diagrams of many solvers at one dimension, and the transition of AMP at a larger one.

    `solvers` maps names to step budgets; `max_steps` is that of AMP in its band around the Donoho-Tanner curve.
    """

    dimension: Count
    sampling_ratio: Axis[Share]
    relative_sparsity: Axis[Share]
    solvers: dict[Solver, Count]
    amplitudes: Literal["gaussian", "signs", "uniform", "nonnegative"]
    below: Positive
    amp_dimension: Count
    amp_sampling_ratios: tuple[Share, ...]
    amp_multiples: Grid
    amp_trials: Count

    def sweeps(self):
        grids = {
            name: Sweep(functools.partial(self._cell, name), self.axes(), self.trials, self.options(max_steps=steps))
            for name, steps in self.solvers.items()
        }
        axes = {"sampling_ratio": self.amp_sampling_ratios, "multiple": self.amp_multiples}
        return {**grids, "band": Sweep(self._band_cell, axes, self.amp_trials, self.options())}

    def _cell(self, name, sampling_ratio, relative_sparsity):
        model = regression(self.dimension, sampling_ratio, relative_sparsity, amplitudes=self.amplitudes)
        return model, getattr(solvers, name)()

    def _band_cell(self, sampling_ratio, multiple):
        sparsity = multiple * weak_transition(sampling_ratio)
        return regression(self.amp_dimension, sampling_ratio, sparsity, amplitudes=self.amplitudes), solvers.AMP()

    def tables(self, swept):
        grids = [swept[name] for name in self.solvers]
        joined = dataclasses.replace(grids[0], frame=pd.concat([grid.frame for grid in grids], ignore_index=True))
        band = swept["band"].boundary("multiple", below=self.below, seed=self.seed)
        return {
            "success": joined.success(below=self.below),
            "boundary": joined.boundary("relative_sparsity", below=self.below, seed=self.seed),
            "band": in_relative_sparsity(band, map(weak_transition, band["sampling_ratio"])),
        }

    def predictions(self):
        return {"theory": transition_curves()}
