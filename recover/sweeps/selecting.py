"""Which rows of a table some coordinates mean."""

from collections.abc import Collection, Sequence
from typing import Any

from .columns import as_plain


def chosen_values(name: str, there: Sequence, wanted: Any) -> list:
    """The values of an axis, in its order, that a wish means: a value, several, those of a slice or of a range.

    **Raises:** `ValueError` for a value that is not there, and for a wish that means none; it says what is there.
    """
    if isinstance(wanted, slice):
        return _between(name, there, wanted)
    wanted = as_plain(wanted)
    if _is_one(wanted, there):
        return [value for value in there if value == wanted]
    if isinstance(wanted, range):
        found = [value for value in there if value in wanted]
        if not found:
            raise ValueError(f"select: `{name}` is {wanted!r}, in which no value lies; allowed: {shown(there)}.")
        return found
    several = isinstance(wanted, (list, tuple, set, frozenset)) or getattr(wanted, "ndim", 0) == 1
    values = [as_plain(value) for value in wanted] if several else [wanted]
    for value in values:
        if not _is_one(value, there):
            raise ValueError(f"select: `{name}` is {value!r}, which is not there; allowed: {shown(there)}.")
    if not values:
        raise ValueError(f"select: `{name}` is {wanted!r}; at least one of {shown(there)} is allowed.")
    return [value for value in there if value in values]


def _between(name: str, there: Sequence, wanted: slice) -> list:
    """Both ends belong to what is chosen, as for labels of pandas and xarray."""
    if wanted.step is not None:
        raise ValueError(f"select: `{name}` is {wanted!r}; a slice without a step is allowed.")
    low, high = as_plain(wanted.start), as_plain(wanted.stop)
    try:
        found = [value for value in there if (low is None or value >= low) and (high is None or value <= high)]
    except TypeError:
        raise ValueError(
            f"select: `{name}` is {wanted!r}, with which the values have no order; allowed: {shown(there)}."
        ) from None
    if not found:
        raise ValueError(f"select: `{name}` is {wanted!r}, between which no value lies; allowed: {shown(there)}.")
    return found


def _is_one(value: Any, there: Collection) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return value in there


def shown(values: Sequence, most: int = 12) -> str:
    """Values in words: all of them, or the first and the last few."""
    words = [repr(value) for value in values]
    return ", ".join(words if len(words) <= most else [*words[: most // 2], "...", *words[-most // 2 :]])
