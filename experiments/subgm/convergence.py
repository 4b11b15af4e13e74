"""Error per step: small and large starts, exact and over-estimated rank."""

import jax
import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import erf

from recover import Table, theory

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Scales, Share, Step, histories, subgradient_method


class Convergence(MatrixFigure):
    """Four runs on the same instances."""

    samples: Count
    corruption: Share
    outlier_scale: Positive
    search_ranks: tuple[Count, ...]
    initial_scales: Scales
    step: Step
    record_every: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Search rank by initial scale, histories kept."""
        axes = {"search_rank": self.search_ranks, "initial_scale": self.initial_scales}
        options = self.options(record_every=self.record_every)
        return {"runs": Sweep(self._cell, axes, self.trials, options)}

    def _cell(self, search_rank, initial_scale):
        model = self.model(self.samples, corruption=self.corruption, outlier_scale=self.outlier_scale)
        return model, subgradient_method(search_rank, initial_scale, self.step)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Errors per step, and when a small start is predicted to have been left."""
        norm = np.sqrt(self.rank)
        with jax.enable_x64(True):
            scale = float(theory.sign_scale(norm, self.corruption, self.outlier_scale))
            level = self._median_observation(norm)
            smallest = min(self.initial_scales)
            escape = float(
                theory.escape_steps(
                    smallest,
                    self.step.initial * level if self.step.rule == "median" else self.step.initial,
                    1.0,
                    norm,
                    scale,
                )
            )
        return {
            "curves": histories(swept["runs"].frame, ["search_rank", "initial_scale"], self.record_every),
            "escape": pd.DataFrame({"initial_scale": [smallest], "step": [escape]}),
        }

    def _median_observation(self, norm: float) -> float:
        """The median of |y|, which is what the median of the residuals is near zero."""
        outlying = np.hypot(norm, self.outlier_scale)

        def excess(level):
            share = (1 - self.corruption) * erf(level / norm / np.sqrt(2))
            return share + self.corruption * erf(level / outlying / np.sqrt(2)) - 0.5

        return float(brentq(excess, 0, 10 * outlying))
