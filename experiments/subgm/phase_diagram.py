"""Recovery over the number of samples and the share of outliers."""

import jax
import numpy as np
import pandas as pd

from recover import theory

from ..fields import Count, Positive, ProperFraction
from ..figure import Axis
from ..summaries import summarise
from .common import MatrixFigure, Step, subgradient_method


class PhaseDiagram(MatrixFigure):
    """Samples and corruption are traced, and so are schedules, which are solvers of every cell: one program."""

    samples: Axis[Count]
    corruption: Axis[ProperFraction]
    search_rank: Count
    initial_scales: dict[str, Positive]
    schedules: dict[str, Step]
    below: Positive

    def cell(self, samples, corruption):
        return self.model(samples, corruption), {
            name: subgradient_method(self.search_rank, self.initial_scales[name], schedule)
            for name, schedule in self.schedules.items()
        }

    def tables(self, swept):
        return {
            "success": swept.success(below=self.below),
            "boundary": swept.boundary("corruption", below=self.below, seed=self.seed),
            "errors": summarise(swept, ["solver", "samples", "corruption"], error="median_range"),
        }

    def predictions(self):
        shares, norm = np.linspace(0, max(self.corruption), 101), np.sqrt(self.rank)
        budgets = []
        with jax.enable_x64(True):
            samples = np.asarray(theory.robust_sample_boundary(shares, self.dimension, self.rank))
            scale = np.asarray(theory.sign_scale(norm, shares, self.outlier_scale))
            for name, schedule in self.schedules.items():
                growth = np.asarray(theory.subgradient_growth(schedule.total(self.max_steps), 1.0, norm, scale))
                needed = np.log(1 / self.initial_scales[name])
                budgets.append(pd.DataFrame({"solver": name, "corruption": shares, "growth": growth, "needed": needed}))
        return {
            "theory": pd.DataFrame({"corruption": shares, "samples": samples}),
            "budgets": pd.concat(budgets, ignore_index=True),
        }
