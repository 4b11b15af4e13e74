"""Which jumps are kept: the second of four, over its height and the penalty."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import theory
from recover.surfaces.gridding import cell_centres
from recover.surfaces.model import WAVE_JUMPS

from ..fields import Count, Positive
from ..figure import Axis
from ..summaries import summarise
from .common import LOCATED, SurfaceFigure, Weights, fdr, surface


class KeptJumps(SurfaceFigure):
    """A low threshold shows what the functional keeps. Jumps and penalties are traced: one program."""

    samples: Count
    cells: Count
    noise: Positive
    data_weight: Positive
    threshold: Positive
    factor: Axis[Positive]
    jump_penalty: Axis[Positive]

    def _model(self, factor):
        return surface(1, self.samples, self.noise, factor, self.cells)

    def cell(self, factor, jump_penalty):
        weights = Weights(data_weight=self.data_weight, jump_penalty=jump_penalty)
        return self._model(factor), fdr(weights, self.levels, threshold=self.threshold)

    def tables(self, swept):
        rates = summarise(swept, ["factor", "jump_penalty"], rate=(LOCATED[1], "rate"))
        halves = [
            {"factor": factor, "jump_penalty": _half(rows.sort_values("jump_penalty"))}
            for factor, rows in rates.groupby("factor")
        ]
        return {"rates": rates, "halves": pd.DataFrame(halves)}

    def predictions(self):
        jumps = []
        for factor in self.factor:
            # Height of the second jump on scaled outcomes.
            height = float(np.sort(np.abs(np.diff(self._scaled(factor, 2001)[1])))[-3])
            rule = float(theory.largest_kept_penalty(height, self.data_weight))
            jumps.append({"factor": factor, "height": height, "exact": self._exact(factor), "rule": rule})
        return {"jumps": pd.DataFrame(jumps)}

    def _scaled(self, factor: float, points: int) -> tuple[np.ndarray, np.ndarray]:
        """The function on a grid, scaled as outcomes with noise of two deviations on both sides would be; its jumps alike."""
        smooth, jumping = (np.asarray(part) for part in self._model(factor).parts(cell_centres((points,))))
        values = smooth + jumping
        width = values.max() - values.min() + 4 * self.noise
        return (values - values.min() + 2 * self.noise) / width, jumping / width

    def _exact(self, factor: float) -> float:
        """The largest penalty at which the exact minimiser without noise has a step over the threshold at that jump."""
        values = jnp.asarray(self._scaled(factor, 40 * self.cells)[0].reshape(self.cells, 40).mean(axis=1))
        penalties = np.geomspace(min(self.jump_penalty) / 4, 4 * max(self.jump_penalty), 97)

        def minimiser(penalty):
            return theory.mumford_shah_line(values, self.data_weight, penalty)[0]

        minimisers = np.asarray(jax.vmap(minimiser)(jnp.asarray(penalties, values.dtype)))
        cell = int(WAVE_JUMPS[1][0] * self.cells)
        steps = np.abs(np.diff(minimisers, axis=1))[:, cell - 2 : cell + 2].max(axis=1)
        return float(penalties[steps >= self.threshold].max())


def _half(rows: pd.DataFrame) -> float:
    """The penalty at which a rate that falls with it first is a half, between two in logarithms."""
    logs, share = np.log(rows["jump_penalty"].to_numpy()), rows["rate"].to_numpy()
    below = np.flatnonzero(share < 0.5)
    if len(below) == 0 or below[0] == 0:
        return np.nan
    pair = [below[0], below[0] - 1]
    return float(np.exp(np.interp(0.5, share[pair], logs[pair])))
