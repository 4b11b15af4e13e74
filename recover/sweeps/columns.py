"""What may be a column of a table: axes with their values, and what models, solvers and measurements report."""

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

# Columns that every table has, or that its methods add.
RESERVED = ("solver", "trial", "error", "result", "steps", "block", "history", "success", "lane")


def checked_axes(axes: Any, owner: str = "sweep", reserved: Iterable[str] = RESERVED) -> dict[str, list]:
    """The axes of a sweep: names that are not taken, and lists of values.

    **Raises:** `ValueError` for a name that is reserved or no name, and for what `axis_values` refuses.
    """
    if not isinstance(axes, Mapping):
        raise ValueError(f"{owner}: `axes` is {axes!r}; a dictionary from names to values is allowed.")
    reserved = tuple(reserved)
    for name in axes:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"{owner}: an axis is named {name!r}; the name of an argument of `cell` is allowed.")
        if name in reserved:
            raise ValueError(
                f"{owner}: an axis is named {name!r}, which is a column of every table; any name but "
                f"{', '.join(reserved)} is allowed."
            )
    return {name: axis_values(name, values, owner) for name, values in axes.items()}


def axis_values(name: str, values: Any, owner: str = "sweep") -> list:
    """The values of an axis: numbers of NumPy and JAX as plain Python numbers, everything else as it is.

    **Raises:** `ValueError` for an empty axis, no list of values, a repeated value, one that is missing (NaN), or one that
    cannot be hashed.
    """
    where = f"{owner}: axis `{name}`"
    shape = getattr(values, "shape", None)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or shape == ():
        raise ValueError(f"{where} is {values!r}; a list of values is allowed.")
    if shape is not None and len(shape) > 1:
        raise ValueError(f"{where} is an array of shape {tuple(shape)}; a list of values is allowed, rows as tuples.")
    plain = [as_plain(value) for value in values]
    if isinstance(values, np.ma.MaskedArray):
        # Their entries would be zeros.
        plain = [
            np.ma.masked if hidden else each for each, hidden in zip(plain, np.ma.getmaskarray(values), strict=True)
        ]
    if not plain:
        raise ValueError(f"{where} is empty; at least one value is needed.")
    for value in plain:
        if value is np.ma.masked:
            raise ValueError(f"{where} has masked entries; values without gaps are allowed.")
        try:
            hash(value)
        except TypeError:
            raise ValueError(
                f"{where} has the value {value!r}, which cannot be hashed; numbers, strings, tuples and other values that "
                "can be keys of a dictionary are allowed."
            ) from None
        if is_missing(value):
            raise ValueError(f"{where} contains NaN or another missing value ({value!r}); None is allowed.")
    if len(set(plain)) < len(plain):
        raise ValueError(f"{where} has repeated values: {plain}.")
    return plain


def as_plain(value):
    """A number of NumPy or JAX as Python's own; everything else as it is."""
    if value is np.ma.masked:
        return value
    if getattr(value, "ndim", None) == 0 and not isinstance(value, np.generic):
        if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
            return value
        value = np.asarray(value)[()]
    if isinstance(value, np.generic) and value.dtype.kind in "biufcSUV":
        # V: the short floats of JAX.
        return float(value) if value.dtype.kind == "V" and hasattr(value, "__float__") else value.item()
    return value


def is_missing(value) -> bool:
    """Whether a value is NaN or another one that is not equal to itself; `None` is a value."""
    if value is None or isinstance(value, (str, bytes, bool, int, tuple)):
        return False
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        # As pandas.NA, of which nobody knows whether it is equal to itself.
        return type(value).__name__ == "NAType"


def as_column(values: list) -> np.ndarray:
    """Values as an array that keeps their types: numbers, truth values and strings by themselves, all else as objects.

    Integers among floats are floats.
    """
    kinds = set(map(type, values))
    if len(kinds) == 1 and kinds <= {bool, str, float, complex}:
        return np.asarray(values)
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values):
        return np.asarray(values, np.int64)
    if kinds == {int, float} and all(abs(value) <= 2**53 for value in values if isinstance(value, int)):
        return np.asarray(values, np.float64)
    column = np.empty(len(values), object)
    for number, value in enumerate(values):
        column[number] = value
    return column


def check_cell(cell: Any, axes: Iterable[str], owner: str = "sweep") -> None:
    """Checks that a cell can be called with the axes.

    **Raises:** `TypeError` that says what it takes.
    """
    if not callable(cell):
        raise TypeError(f"{owner}: `cell` is {cell!r}; a function of the axes is allowed.")
    axes = list(axes)
    try:
        signature = inspect.signature(cell)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**dict.fromkeys(axes))
    except TypeError as error:
        raise TypeError(
            f"{owner}: `cell` takes {signature}, and is called with the axes {', '.join(axes) or '(none)'}: {error}."
        ) from None


@dataclasses.dataclass(frozen=True)
class Scores:
    """What is reported of an instance, as shapes: names of model and solver, the error, statistics and metrics."""

    model: str
    solver: str
    error: Any
    stats: Any
    metrics: Any


def check_scores(scores: Scores, axes: Iterable[str]) -> None:
    """Checks what a model and a solver report of an instance, before anything is computed.

    **Raises:** `TypeError` for no dictionary of names; `ValueError` for a name that is taken or an axis, for one that both report,
    and for what is not a real scalar.
    """
    model, solver = scores.model, scores.solver
    axes = tuple(axes)
    _check_scalar(f"`{model}.error` returned", scores.error)
    for owner, found in ((f"{solver}.stats", scores.stats), (f"{model}.metrics", scores.metrics)):
        if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
            raise TypeError(f"sweep: `{owner}` returned {found!r}; a dictionary from names to scalars is allowed.")
        for name, value in found.items():
            if name in RESERVED:
                raise ValueError(
                    f"sweep: `{owner}` returned {name!r}, which is a column of every table; any name but "
                    f"{', '.join(RESERVED)} is allowed."
                )
            if name in axes:
                raise ValueError(
                    f"sweep: an axis is named {name!r}, which `{owner}` reports; any other name is allowed, but for "
                    f"{', '.join((*RESERVED, *scores.stats, *scores.metrics))}."
                )
            _check_scalar(f"`{owner}` returned {name!r},", value)
    for name in scores.stats:
        if name in scores.metrics:
            raise ValueError(
                f"sweep: {name!r} is reported by `{solver}.stats` and by `{model}.metrics`; one of them is allowed."
            )


def _check_scalar(what: str, value) -> None:
    shape, dtype = np.shape(value), np.dtype(getattr(value, "dtype", type(value)))
    if shape != () or not (jax.dtypes.issubdtype(dtype, np.floating) or dtype.kind in "biu"):
        raise ValueError(f"sweep: {what} an array of shape {shape} and type {dtype}; a real scalar is allowed.")
