"""Which jumps are kept: the smallest of four, over its height and the penalty, as one sweep."""

import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, solvers, theory

from ..figure import Sweep
from .common import Count, Grid, Positive, SurfaceFigure, means, surface
from .line import LOCATED


class KeptJumps(SurfaceFigure):
    """A low threshold shows what the functional keeps."""

    samples: Count
    cells: Count
    noise: Positive
    data_weight: Positive
    threshold: Positive
    jumps: Grid
    jump_penalties: Grid

    def sweeps(self) -> dict[str, Sweep]:
        """Both axes are traced."""
        axes = {"factor": self.jumps, "jump_penalty": self.jump_penalties}
        return {"fits": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, factor, jump_penalty):
        model = surface(1, self.samples, self.noise, factor, self.cells)
        return model, solvers.FDR(self.data_weight, jump_penalty, levels=self.levels, threshold=self.threshold)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates per cell, where half are kept, and the rule of thumb."""
        table = swept["fits"]
        frame = table.frame.assign(kept=table.frame[LOCATED[1]])
        rates = means(frame, ["factor", "jump_penalty"], ["kept"]).rename(columns={"kept": "rate"})
        heights = {factor: self._height(factor) for factor in self.jumps}
        rates["height"] = [heights[factor] for factor in rates["factor"]]
        edges = []
        for factor, rows in rates.groupby("factor"):
            rows = rows.sort_values("jump_penalty")
            logs, share = np.log(rows["jump_penalty"].to_numpy()), rows["rate"].to_numpy()
            # The rate falls with the penalty; interpolate where it first falls below a half.
            below = np.flatnonzero(share < 0.5)
            crossing = np.nan
            if len(below) and below[0] > 0:
                k = int(below[0])
                crossing = logs[k - 1] + (share[k - 1] - 0.5) / (share[k - 1] - share[k]) * (logs[k] - logs[k - 1])
            height = heights[factor]
            predicted = float(theory.largest_kept_penalty(height, self.data_weight))
            edges.append({"height": height, "jump_penalty": float(np.exp(crossing)), "predicted": predicted})
        return {"rates": rates, "edges": pd.DataFrame(edges)}

    def _height(self, factor: float) -> float:
        """Height of the second jump on scaled outcomes, noise aside."""
        model = surface(1, self.samples, self.noise, factor, self.cells)
        x = jnp.linspace(0, 1, 2001)[:, None]
        smooth, jumping = (np.asarray(part) for part in model.parts(x))
        values = smooth + jumping
        steps = np.sort(np.abs(np.diff(jumping)))[-3]
        return float(steps / (values.max() - values.min() + 4 * self.noise))
