"""Sample size x sparsity x noise as one sweep."""

import functools

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Ratios, sizes, transition_curves


class NoiseGrid(Figure):
    """Error of AMP over a three-dimensional grid."""

    dimension: Count
    sampling_ratios: Ratios
    relative_sparsities: Ratios
    noises: tuple[float, ...] = pydantic.Field(min_length=1)
    trials: Count
    max_steps: Count

    @pydantic.field_validator("noises")
    @classmethod
    def _positive(cls, noises):
        if any(noise <= 0 for noise in noises):
            raise ValueError("positive standard deviations are allowed: the error is shown in units of the noise")
        return noises

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep over all three axes."""
        axes = {
            "sampling_ratio": self.sampling_ratios,
            "relative_sparsity": self.relative_sparsities,
            "noise": self.noises,
        }
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, sampling_ratio, relative_sparsity, noise):
        samples, sparsity = sizes(self.dimension, sampling_ratio, relative_sparsity)
        model = models.SparseRegression(self.dimension, samples, sparsity, noise=noise)
        return model, solvers.AMP(threshold=_minimax_threshold(sparsity / self.dimension))

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Median mean squared error per cell over the noise variance, and its minimax prediction."""
        frame = swept["grid"].frame
        axes = ["sampling_ratio", "relative_sparsity", "noise"]
        cells = frame.groupby(axes)["mse"].quantile([0.25, 0.5, 0.75]).unstack().reset_index()
        cells.columns = [*axes, "mse_low", "mse", "mse_high"]
        for name in ("mse", "mse_low", "mse_high"):
            cells[name.replace("mse", "sensitivity")] = cells[name] / cells["noise"] ** 2
        ratio, sparsity = cells["sampling_ratio"].to_numpy(), cells["relative_sparsity"].to_numpy()
        with jax.enable_x64(True):
            cells["minimax"] = np.asarray(theory.noise_sensitivity(ratio, sparsity))
            cells["donoho_tanner"] = np.asarray(theory.donoho_tanner_weak(ratio))
        return {"cells": cells, "theory": transition_curves(np.linspace(0.05, 0.95, 46))}


@functools.cache
def _minimax_threshold(density: float) -> float:
    """The threshold that is minimax for coefficients of this density, as the theory of noise sensitivity assumes.

    At the transition the minimax risk equals the sampling ratio, so the threshold for a density is that of the
    sampling ratio at which the density is critical.
    """
    with jax.enable_x64(True):
        return float(theory.minimax_threshold(theory.minimax_risk(np.float64(density))))
