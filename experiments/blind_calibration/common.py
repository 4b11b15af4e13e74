"""What counts in blind calibration: equations per unknown, and where along them success begins."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from recover import Table


def oversampled(rows: pd.DataFrame, dimension: int) -> pd.DataFrame:
    """The rows with the number of equations over the number of unknowns, m p / (n + m - 1)."""
    unknowns = dimension + rows["sensors"] - 1
    return rows.assign(oversampling=rows["sensors"] * rows["snapshots"] / unknowns)


def threshold(swept: Table, rows: pd.DataFrame, by: Sequence[str], below: float, seed: int) -> pd.DataFrame:
    """Where success crosses one half in the column `oversampling` of rows of a sweep, per solver and value of `by`."""
    rows = rows.assign(octaves=np.log2(rows["oversampling"]))
    table = dataclasses.replace(swept, frame=rows, axes={name: [] for name in ("octaves", *by)})
    fitted = table.boundary("octaves", below=below, seed=seed)
    return fitted.assign(**{name: 2.0 ** fitted[name] for name in ("boundary", "low", "high")})


def decibels(error) -> np.ndarray:
    """Reconstruction signal-to-noise ratio of a relative error; at the smallest error, that of rounding."""
    return -20 * np.log10(np.maximum(np.asarray(error, float), np.finfo(np.float32).eps))
