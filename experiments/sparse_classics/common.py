"""From the ratios of phase diagrams to models, and the transitions that theory predicts."""

import functools
from collections.abc import Iterable

import jax
import numpy as np
import pandas as pd

from recover import models, theory


def regression(dimension: int, sampling_ratio: float, relative_sparsity: float, **law) -> models.SparseRegression:
    """The model whose samples and nonzero coefficients, at least one each, are nearest to the given ratios."""
    samples = max(1, round(sampling_ratio * dimension))
    sparsity = min(max(1, round(relative_sparsity * samples)), dimension)
    return models.SparseRegression(dimension, samples, sparsity, **law)


@functools.cache
def weak_transition(sampling_ratio: float, nonnegative: bool = False) -> float:
    """The Donoho-Tanner weak transition at one sampling ratio."""
    with jax.enable_x64(True):
        return float(theory.donoho_tanner_weak(np.float64(sampling_ratio), nonnegative=nonnegative))


def in_relative_sparsity(fitted: pd.DataFrame, transitions: Iterable[float]) -> pd.DataFrame:
    """Boundaries that were fitted in multiples of predicted transitions, in relative sparsity."""
    at = np.asarray(list(transitions))
    ends = {name: fitted[column] * at for name, column in (("boundary_low", "low"), ("boundary_high", "high"))}
    scaled = {name: fitted[name] * at for name in ("boundary", "width")}
    return fitted.drop(columns=["low", "high"]).assign(**scaled, **ends, transition=at)


def transition_curves() -> pd.DataFrame:
    """Relative sparsities at the transitions of noiseless phase diagrams, one column per curve."""
    ratios = np.linspace(0.05, 0.95, 46)
    with jax.enable_x64(True):
        curves = {
            "Donoho-Tanner": theory.donoho_tanner_weak(ratios),
            "Donoho-Tanner, nonnegative": theory.donoho_tanner_weak(ratios, nonnegative=True),
            "spinodal": theory.spinodal(ratios),
        }
    return pd.DataFrame({"sampling_ratio": ratios, **{name: np.asarray(values) for name, values in curves.items()}})
