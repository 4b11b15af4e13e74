"""The boundary of the theory functions: numbers of any kind become arrays of one floating dtype, bad ones are named."""

import jax
import jax.numpy as jnp
import numpy as np

from .checks import is_number
from .data import shown
from .leaves import floating_dtype, is_concrete


def as_floats(*values) -> list[jax.Array]:
    """Converts `values` to arrays of their common floating dtype: the widest given, JAX's default if none is given.

    **Raises:** `TypeError` for what is no real number and no array of such.
    """
    for value in values:
        _require_numbers("a theory function's argument", value)
    dtype = floating_dtype(values)
    return [jnp.asarray(value, dtype) for value in values]


def require_interval(name: str, value, lower: float | int, upper: float | int, closed: str = "right") -> None:
    """Raises `ValueError` where a concrete `value` has an entry outside an interval; tracers are let through.

    `closed` says which ends belong to the interval: `"right"`, `"left"`, `"both"` or `"neither"`.
    """
    _require_numbers(name, value)
    if not is_concrete(value):
        return
    entries = np.asarray(value)
    above = entries >= lower if closed in ("left", "both") else entries > lower
    below = entries <= upper if closed in ("right", "both") else entries < upper
    bad = ~(above & below)
    if bad.any():
        opening = "[" if closed in ("left", "both") else "("
        closing = "]" if closed in ("right", "both") else ")"
        raise ValueError(f"{name} must lie in {opening}{lower:g}, {upper:g}{closing}; got {entries[bad].ravel()[0]!s}.")


def _require_numbers(name: str, value) -> None:
    if is_concrete(value) and not (isinstance(value, (int, float)) or is_number(value)):
        raise TypeError(f"{name} is {shown(value)}; real numbers are allowed.")
