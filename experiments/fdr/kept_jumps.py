"""Which jumps are kept: the second of four, over its height and the penalty, as one sweep."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, solvers, theory
from recover.surfaces.gridding import cell_centres
from recover.surfaces.model import WAVE_JUMPS

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import SurfaceFigure, means, surface
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
            rule = float(theory.largest_kept_penalty(height, self.data_weight))
            exact = self._exact(factor)
            edges.append({"height": height, "jump_penalty": float(np.exp(crossing)), "exact": exact, "rule": rule})
        return {"rates": rates, "edges": pd.DataFrame(edges)}

    def _scaled(self, factor: float, points: int) -> tuple[np.ndarray, np.ndarray]:
        """The function on a grid, scaled as outcomes with noise of two deviations on both sides would be; its jumps alike."""
        model = surface(1, self.samples, self.noise, factor, self.cells)
        smooth, jumping = (np.asarray(part) for part in model.parts(cell_centres((points,))))
        values = smooth + jumping
        width = values.max() - values.min() + 4 * self.noise
        return (values - values.min() + 2 * self.noise) / width, jumping / width

    def _height(self, factor: float) -> float:
        """Height of the second jump on scaled outcomes."""
        return float(np.sort(np.abs(np.diff(self._scaled(factor, 2001)[1])))[-3])

    def _exact(self, factor: float) -> float:
        """The largest penalty at which the exact minimiser without noise has a step over the threshold at that jump."""
        fine = self._scaled(factor, 40 * self.cells)[0]
        values = jnp.asarray(fine.reshape(self.cells, 40).mean(axis=1))
        penalties = np.geomspace(min(self.jump_penalties) / 4, 4 * max(self.jump_penalties), 97)
        minimisers, _ = jax.vmap(lambda penalty: theory.mumford_shah_line(values, self.data_weight, penalty))(
            jnp.asarray(penalties, values.dtype)
        )
        cell = int(WAVE_JUMPS[1][0] * self.cells)
        steps = np.abs(np.diff(np.asarray(minimisers), axis=1))[:, cell - 2 : cell + 2].max(axis=1)
        return float(penalties[np.flatnonzero(steps >= self.threshold).max()])
