"""Rows of a table by their values."""

import numpy as np
import pandas as pd
from scipy import stats


def select(rows: pd.DataFrame, **chosen) -> pd.DataFrame:
    """The rows with the given values."""
    for name, value in chosen.items():
        rows = rows.loc[rows[name] == value]
    return rows


def first(rows: pd.DataFrame, **chosen) -> pd.Series:
    """The first row with the given values."""
    return select(rows, **chosen).iloc[0]


def interval(row: pd.Series, name: str) -> tuple[float, float]:
    """The ends that a table keeps in `<name>_low` and `<name>_high`."""
    return row[f"{name}_low"], row[f"{name}_high"]


def picture(row: pd.Series) -> np.ndarray:
    """The picture in a row that `experiments.photographs.image_row` made."""
    return np.asarray(row["pixels"]).reshape(row["height"], row["width"])


def standard_error(rows: pd.DataFrame, name: str) -> pd.Series:
    """That of means over `trials`, from the t intervals of 95 % that a summary keeps with them."""
    half = rows[f"{name}_high"] - rows[name]
    return half / stats.t.ppf(0.975, rows["trials"] - 1)
