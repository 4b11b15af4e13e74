"""Means over trials with their intervals."""

import numpy as np
import pandas as pd
from scipy import stats


def means(frame: pd.DataFrame, by: list[str], columns: list[str], confidence: float = 0.95) -> pd.DataFrame:
    """Means over trials with their t intervals: `<column>`, `<column>_low`, `<column>_high`, and `trials`."""
    grouped = frame.groupby(by, sort=False)
    count = grouped.size()
    half_width = stats.t.ppf((1 + confidence) / 2, np.maximum(count - 1, 1)) / np.sqrt(count)
    parts = {}
    for name in columns:
        mean, spread = grouped[name].mean(), grouped[name].std().fillna(0)
        parts[name] = mean
        parts[f"{name}_low"], parts[f"{name}_high"] = mean - half_width * spread, mean + half_width * spread
    return pd.DataFrame({**parts, "trials": count}).reset_index()
