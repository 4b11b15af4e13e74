"""Success of eight solvers and more over sampling ratio and relative sparsity."""

import functools

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Ratios, Threshold, sizes, transition_curves, weak_transition

SOLVERS = {
    "AMP": solvers.AMP,
    "BayesAMP": solvers.BayesAMP,
    "FISTA": solvers.FISTA,
    "ReweightedL1": solvers.ReweightedL1,
    "IHT": solvers.IHT,
    "NormalizedIHT": solvers.NormalizedIHT,
    "HTP": solvers.HTP,
    "CoSaMP": solvers.CoSaMP,
    "SubspacePursuit": solvers.SubspacePursuit,
    "OMP": solvers.OMP,
}


class PhaseDiagram(Figure):
    """Phase diagrams of many solvers at one dimension, and the transition of AMP at a larger one.

    `solvers` maps names to step budgets.
    """

    dimension: Count
    sampling_ratios: Ratios
    relative_sparsities: Ratios
    solvers: dict[str, Count]
    amplitudes: str
    trials: Count
    below: Threshold
    amp_dimension: Count
    amp_sampling_ratios: Ratios
    amp_multiples: tuple[Threshold, ...]
    amp_trials: Count
    amp_max_steps: Count

    @pydantic.field_validator("solvers")
    @classmethod
    def _known(cls, names):
        for name in names:
            if name not in SOLVERS:
                raise ValueError(f"{name!r} is unknown; allowed: {', '.join(SOLVERS)}")
        return names

    @pydantic.field_validator("amplitudes")
    @classmethod
    def _law(cls, name):
        if name not in models.AMPLITUDES:
            raise ValueError(f"allowed: {', '.join(models.AMPLITUDES)}")
        return name

    def sweeps(self) -> dict[str, Sweep]:
        """All solvers on the full grid; AMP alone in a band around the Donoho-Tanner curve."""
        grid = {"sampling_ratio": self.sampling_ratios, "relative_sparsity": self.relative_sparsities}
        band = {"sampling_ratio": self.amp_sampling_ratios, "multiple": self.amp_multiples}
        swept = {
            name: Sweep(
                functools.partial(self._cell, SOLVERS[name]()),
                grid,
                self.trials,
                {"seed": self.seed, "max_steps": steps},
            )
            for name, steps in self.solvers.items()
        }
        options = {"seed": self.seed, "max_steps": self.amp_max_steps}
        return {**swept, "band": Sweep(self._amp_cell, band, self.amp_trials, options)}

    def _cell(self, solver, sampling_ratio, relative_sparsity):
        samples, sparsity = sizes(self.dimension, sampling_ratio, relative_sparsity)
        return models.SparseRegression(self.dimension, samples, sparsity, amplitudes=self.amplitudes), solver

    def _amp_cell(self, sampling_ratio, multiple):
        sparsity = multiple * _cached_transition(sampling_ratio)
        samples, nonzeros = sizes(self.amp_dimension, sampling_ratio, sparsity)
        model = models.SparseRegression(self.amp_dimension, samples, nonzeros, amplitudes=self.amplitudes)
        return model, solvers.AMP()

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates, fitted boundaries, the boundary of AMP in the band, theory curves."""
        band = swept["band"].boundary("multiple", below=self.below, seed=self.seed)
        transition = np.asarray([_cached_transition(ratio) for ratio in band["sampling_ratio"]])
        for name in ("boundary", "low", "high", "width"):
            band[name] = band[name] * transition
        solved = [swept[name] for name in self.solvers]
        success = [table.success(below=self.below) for table in solved]
        boundary = [table.boundary("relative_sparsity", below=self.below, seed=self.seed) for table in solved]
        results = [table.frame.groupby(["solver", "result"]).size().rename("rows").reset_index() for table in solved]
        return {
            "success": pd.concat(success, ignore_index=True),
            "boundary": pd.concat(boundary, ignore_index=True),
            "amp_boundary": band.assign(donoho_tanner=transition),
            "results": pd.concat(results, ignore_index=True),
            "theory": transition_curves(np.linspace(0.05, 0.95, 46)),
        }


@functools.cache
def _cached_transition(sampling_ratio: float) -> float:
    return weak_transition(sampling_ratio)
