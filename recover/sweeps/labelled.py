"""The rows of a table as arrays with named axes."""

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from .table import Table


def labelled(table: "Table") -> "xr.Dataset":
    """`Table.to_xarray`."""
    try:
        import xarray as xr
    except ImportError:
        raise ImportError("to_xarray: xarray is not installed; `pip install xarray` installs it.") from None
    import pandas as pd

    frame, dims = table.frame, [*table.axes, "solver", "trial"]
    codes, coordinates = {}, {}
    for name in dims:
        codes[name], values = pd.factorize(frame[name], use_na_sentinel=False)
        coordinates[name] = np.asarray(values)
    shape = tuple(len(coordinates[name]) for name in dims)
    place = np.ravel_multi_index([codes[name] for name in dims], shape)
    if len(np.unique(place)) < len(place):
        raise ValueError("to_xarray: an axis has a value twice, so cells have no place of their own; use `frame`.")
    columns = {}
    for name in frame.columns:
        if name not in dims:
            values = _values(frame[name])
            own = [f"{name}_{number}" for number in range(values.ndim - 1)]
            if own and name.endswith("history"):
                own[0] = "record"
            columns[name] = ([*dims, *own], _placed(values, place, shape))
    attributes = {name: _attribute(value) for name, value in table.settings.items()}
    attributes["provenance"] = table.provenance.reset_index().to_json(orient="records", default_handler=str)
    return xr.Dataset(columns, coordinates, attributes)


def _values(column) -> np.ndarray:
    first = column.iloc[0]
    if isinstance(first, np.ndarray):
        return np.stack(list(column))
    return np.asarray(column, dtype=str) if isinstance(first, str) else column.to_numpy()


def _placed(values: np.ndarray, place: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values where they belong; NaN, or an empty string, where a cell has no such solver."""
    cells, rest = int(np.prod(shape)), values.shape[1:]
    if len(place) < cells and values.dtype.kind in "biu":
        values = values.astype(float)
    if values.dtype.kind == "U":
        filled = np.full((cells, *rest), "", values.dtype)
    else:
        filled = np.full(
            (cells, *rest), 0 if len(place) == cells and values.dtype.kind in "biu" else np.nan, values.dtype
        )
    filled[place] = values
    return filled.reshape(*shape, *rest)


def _attribute(value):
    """A setting as what files of labelled arrays can hold."""
    return (
        value
        if isinstance(value, (str, int, float)) and not isinstance(value, bool)
        else json.dumps(value, default=str)
    )
