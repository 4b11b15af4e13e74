"""Sample size x sparsity x noise as one sweep."""

import functools
import itertools

import jax
import numpy as np
import pandas as pd

from recover import solvers, theory

from ..fields import Count, Positive, Share
from ..figure import Axis, SweepFigure
from ..summaries import summarise
from .common import regression, transition_curves


class NoiseGrid(SweepFigure):
    """Error of AMP in units of the noise variance over a three-dimensional grid, and the minimax prediction."""

    dimension: Count
    sampling_ratio: Axis[Share]
    relative_sparsity: Axis[Share]
    noise: Axis[Positive]

    def cell(self, sampling_ratio, relative_sparsity, noise):
        model = regression(self.dimension, sampling_ratio, relative_sparsity, noise=noise)
        return model, solvers.AMP(threshold=_minimax_threshold(int(model.sparsity) / self.dimension))

    def tables(self, swept):
        rows = swept.frame.assign(sensitivity=swept.frame["mse"] / swept.frame["noise"] ** 2)
        return {"cells": summarise(rows, swept.axes, sensitivity="median_quartiles")}

    def predictions(self):
        ratio, sparsity = np.asarray(list(itertools.product(self.sampling_ratio, self.relative_sparsity))).T
        with jax.enable_x64(True):
            minimax = np.asarray(theory.noise_sensitivity(ratio, sparsity))
            transition = np.asarray(theory.donoho_tanner_weak(ratio))
        cells = {"sampling_ratio": ratio, "relative_sparsity": sparsity, "minimax": minimax, "transition": transition}
        return {"minimax": pd.DataFrame(cells), "theory": transition_curves()}


@functools.cache
def _minimax_threshold(density: float) -> float:
    """The threshold that is minimax for coefficients of this density, as the theory of noise sensitivity assumes.

    At the transition the minimax risk equals the sampling ratio, so the threshold for a density is that of the
    sampling ratio at which the density is critical.
    """
    with jax.enable_x64(True):
        return float(theory.minimax_threshold(theory.minimax_risk(np.float64(density))))
