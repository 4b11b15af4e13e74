"""Error per step of expectation maximisation, with and without pruning."""

from typing import Literal

import numpy as np
import pandas as pd
import pydantic

from recover import Table

from ..fields import Count
from ..figure import Axis
from ..summaries import summarise, unrolled
from .common import KroneckerFigure, make


class Trajectories(KroneckerFigure):
    """Histories of the error of solvers none of which stops before the budget is spent."""

    rows: tuple[Count, Count, Count]
    sparsity: Count
    snr: float
    inner_tolerance: float = pydantic.Field(gt=0)

    def made(self, **options) -> dict:
        """The solvers."""
        own = {"AM-KroSBL": {"inner_tolerance": self.inner_tolerance}}
        return make(self.solvers, self.sparsity, own, tolerance=-1.0, **options)

    def thinned(self, swept: Table) -> tuple[np.ndarray, pd.DataFrame]:
        """Steps that are evenly spaced on a logarithmic axis, and rows whose histories hold only those."""
        steps = np.unique(np.r_[0, np.geomspace(1, self.max_steps, 120).astype(int)])
        return steps, swept.frame.assign(history=[history[steps] for history in swept.frame["history"]])

    def curves(self, swept: Table, axis: str) -> pd.DataFrame:
        """Median and extremes over trials of the error per step."""
        steps, frame = self.thinned(swept)
        rows = unrolled(frame, 1)
        return summarise(rows.assign(step=steps[rows["step"]]), [axis, "solver", "step"], error="median_range")


class Convergence(Trajectories):
    """Pruning is traced: one program per solver."""

    pruning: Axis[Literal["none", "default"]] = ("none", "default")

    def cell(self, pruning):
        options = {"prune": 0.0} if pruning == "none" else {}
        return self.model(self.rows, self.sparsity, self.snr), self.made(**options)

    def tables(self, swept):
        steps, frame = self.thinned(swept)
        errors = np.stack(frame["history"].to_list())
        above = errors > 2 * errors[:, -1:]
        # The last step above the threshold, so that a dip on the way does not count.
        last = steps[above.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)]
        reached = frame[["pruning", "solver", "trial"]].assign(
            final=errors[:, -1], steps_to_twice_final=np.where(above.any(axis=1), last + 1, 0)
        )
        return {"curves": self.curves(swept, "pruning"), "reached": reached}
