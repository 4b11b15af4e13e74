"""Recovery over the number of samples and the share of outliers."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, theory

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Share, Step, medians, subgradient_method


class PhaseDiagram(MatrixFigure):
    """Samples and corruption are traced, and so are schedules: the whole figure is one program."""

    samples: tuple[Count, ...] = pydantic.Field(min_length=2)
    corruptions: tuple[Share, ...] = pydantic.Field(min_length=2)
    search_rank: Count
    outlier_scale: Positive
    initial_scales: dict[str, Positive]
    schedules: dict[str, Step]
    below: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep; the schedules are solvers of every cell."""
        axes = {"samples": self.samples, "corruption": self.corruptions}
        return {"grid": Sweep(self._cell, axes, self.trials, self.options())}

    def _cell(self, samples, corruption):
        model = self.model(samples, corruption=corruption, outlier_scale=self.outlier_scale)
        return model, {
            name: subgradient_method(self.search_rank, self.initial_scales[name], schedule)
            for name, schedule in self.schedules.items()
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates and boundaries, the predicted shape, and the growth that each schedule can afford."""
        table = swept["grid"]
        norm = np.sqrt(self.rank)
        shares = np.linspace(0, max(self.corruptions), 101)
        budgets = []
        with jax.enable_x64(True):
            samples = np.asarray(theory.robust_sample_boundary(shares, self.dimension, self.rank))
            scale = np.asarray(theory.sign_scale(norm, shares, self.outlier_scale))
            for name, schedule in self.schedules.items():
                total = schedule.total(self.max_steps)
                growth = np.asarray(theory.subgradient_growth(total, 1.0, norm, scale))
                needed = np.log(1 / self.initial_scales[name])
                budgets.append(pd.DataFrame({"solver": name, "corruption": shares, "growth": growth, "needed": needed}))
        return {
            "success": table.success(below=self.below),
            "boundary": table.boundary("corruption", below=self.below, seed=self.seed),
            "errors": medians(table.frame, ["solver", "samples", "corruption"]),
            "theory": pd.DataFrame({"corruption": shares, "samples": samples}),
            "budgets": pd.concat(budgets, ignore_index=True),
        }
