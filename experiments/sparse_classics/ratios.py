"""From the ratios of phase diagrams to sizes, and the fields that configurations share."""

from typing import Annotated

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import theory

Ratio = Annotated[float, pydantic.Field(gt=0, le=1)]
Threshold = Annotated[float, pydantic.Field(gt=0)]
Ratios = Annotated[tuple[Ratio, ...], pydantic.Field(min_length=1)]


def sizes(dimension: int, sampling_ratio: float, relative_sparsity: float) -> tuple[int, int]:
    """Numbers of samples and of nonzero coefficients, at least one each, nearest to the given ratios."""
    samples = max(1, round(sampling_ratio * dimension))
    return samples, min(max(1, round(relative_sparsity * samples)), dimension)


def transition_curves(sampling_ratios: np.ndarray) -> pd.DataFrame:
    """The theory curves of noiseless phase diagrams: one row per curve and sampling ratio."""
    with jax.enable_x64(True):
        curves = {
            "Donoho-Tanner, weak": theory.donoho_tanner_weak(sampling_ratios),
            "Donoho-Tanner, weak, nonnegative": theory.donoho_tanner_weak(sampling_ratios, nonnegative=True),
            "Donoho-Tanner, strong": theory.donoho_tanner_strong(sampling_ratios),
            "Bayes-optimal message passing": theory.spinodal(sampling_ratios),
            "information-theoretic": np.ones_like(sampling_ratios),
        }
    frames = [
        pd.DataFrame({"curve": name, "sampling_ratio": sampling_ratios, "relative_sparsity": np.asarray(values)})
        for name, values in curves.items()
    ]
    return pd.concat(frames, ignore_index=True)


def weak_transition(sampling_ratio: float, nonnegative: bool = False) -> float:
    """The Donoho-Tanner weak transition at one sampling ratio."""
    with jax.enable_x64(True):
        return float(theory.donoho_tanner_weak(np.float64(sampling_ratio), nonnegative=nonnegative))
