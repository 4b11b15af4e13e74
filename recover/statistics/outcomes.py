"""Rows of outcomes as arrays: which curve, which trial, which value of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .binomial import is_real

if TYPE_CHECKING:
    import pandas


def curve_codes(outcomes: pandas.DataFrame, by: list[str]) -> tuple[NDArray[np.intp], pandas.DataFrame]:
    """Number the combinations of `by` in sorted order; returns the code of each row and the combinations."""
    import pandas as pd

    if not by:
        return np.zeros(len(outcomes), dtype=np.intp), pd.DataFrame(index=pd.RangeIndex(1))
    try:
        groups = outcomes.groupby(by, sort=True, dropna=False, observed=True)
        groups.ngroups  # noqa: B018, sorts
    except TypeError:
        # Values without an order stay in that of their first rows.
        groups = outcomes.groupby(by, sort=False, dropna=False, observed=True)
    codes = groups.ngroup().to_numpy()
    _, first_rows = np.unique(codes, return_index=True)
    return codes, outcomes[by].iloc[first_rows].reset_index(drop=True)


def dense_outcomes(
    outcomes: pandas.DataFrame, axis: str, curve: NDArray[np.intp], curves: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Axis values `(curves, points)` and successes, counts `(curves, trials, points)`, short curves padded."""
    import pandas as pd

    try:
        values = outcomes[axis].to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the axis column {axis!r} must be numeric.") from error
    if not np.isfinite(values).all():
        raise ValueError(f"the axis column {axis!r} holds values that are not finite.")
    levels, code = np.unique(values, return_inverse=True)
    cells, cell = np.unique(curve * len(levels) + code, return_inverse=True)
    owner = cells // len(levels)
    position = np.arange(len(cells)) - np.searchsorted(owner, owner)
    points = int(position.max()) + 1
    x = np.zeros((curves, points))
    x[owner, position] = levels[cells % len(levels)]
    trial, names = pd.factorize(outcomes["trial"], sort=True, use_na_sentinel=False)
    shape = (curves, len(names), points)
    index = np.ravel_multi_index((curve, trial, position[cell]), shape)
    size = int(np.prod(shape))
    tried = np.bincount(index, minlength=size).astype(float).reshape(shape)
    won = np.bincount(index, weights=as_success(outcomes["success"]), minlength=size).reshape(shape)
    return x, won, tried


def as_success(column: pandas.Series) -> NDArray[np.float64]:
    """Success as 0 and 1; a missing value is a failure."""
    try:
        return column.astype("boolean").fillna(False).to_numpy(dtype=float)
    except (TypeError, ValueError):
        kept = column.dropna()
        shown = kept.iloc[0] if len(kept) else None
        raise ValueError(
            f"the column {column.name!r} must hold True and False; its first value is {shown!r}."
        ) from None


def column_names(argument: str, names) -> list[str]:
    """Names of columns; one may stand by itself."""
    found = [names] if isinstance(names, str) else list(names) if isinstance(names, (list, tuple)) else [names]
    if not all(isinstance(each, str) for each in found):
        raise TypeError(f"{argument} is {names!r}; names of columns are allowed.")
    return found


def check_columns(outcomes: pandas.DataFrame, needed: list[str]) -> None:
    """Raises `TypeError` for what is no frame, `KeyError` for one that lacks columns."""
    if not hasattr(outcomes, "columns"):
        raise TypeError(f"outcomes is {outcomes!r}; a frame of pandas is allowed.")
    missing = [name for name in needed if name not in outcomes.columns]
    if missing:
        raise KeyError(f"outcomes lacks the columns {missing}; it has {list(outcomes.columns)}.")


def check_resampling(replicates, seed) -> None:
    """Raises `ValueError` for what is no number of replicates, or no seed."""
    if not (is_real(replicates) and replicates >= 0 and replicates == int(replicates)):
        raise ValueError(f"replicates must not be negative; got {replicates!r}; an integer of at least 0 is allowed.")
    if not (isinstance(seed, (int, np.integer)) and seed >= 0):
        raise ValueError(f"seed is {seed!r}; an integer of at least 0 is allowed.")
