"""Free discontinuity regression next to total variation, local linear fits, and segments with their means."""

import pandas as pd

from recover import Table, solvers

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import SurfaceFigure, Weights, means, surface

NAMES = {"fdr": "FDR", "tv": "total variation", "ll": "local linear", "seg": "segment, then average"}


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

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep per method."""
        axes = {"tv": self.data_weights, "ll": self.bandwidths, "seg": self.segment_thresholds, "fdr": (1.0,)}
        more = self.options() | {"max_steps": 3000}
        return {
            name: Sweep(
                getattr(self, f"_{name}"), {"value": values}, self.trials, self.options() if name == "fdr" else more
            )
            for name, values in axes.items()
        }

    @property
    def threshold(self) -> float:
        """What counts as a jump, of scaled outcomes."""
        return self.weights.jump_penalty**0.5

    def _model(self):
        return surface(2, self.samples, self.noise, self.jump, self.cells)

    def _fdr(self, value):
        return self._model(), self.solver(self.weights)

    def _tv(self, value):
        return self._model(), solvers.TotalVariation(value, self.threshold)

    def _ll(self, value):
        return self._model(), solvers.LocalLinear(value, self.threshold)

    def _seg(self, value):
        return self._model(), solvers.SegmentThenAverage(self.segment_bandwidth, value)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances, at all values and at the best ones."""
        columns = ["mse", "false_positive", "false_negative", "one_step", "one_step_truth", "jump"]
        parts = []
        for name, table in swept.items():
            part = means(table.frame, ["value"], columns)
            part.insert(0, "method", NAMES[name])
            parts.append(part)
        every = pd.concat(parts, ignore_index=True)
        best = every.loc[every.groupby("method", sort=False)["mse"].idxmin()].reset_index(drop=True)
        best["height"] = float(self._model().height)
        return {"all": every, "best": best}
