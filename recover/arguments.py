"""Numbers that constructors are given, checked where their values are known: neither traced nor `None`."""

from collections.abc import Callable

import numpy as np

from .leaves import is_concrete


def require_number(owner: str, name: str, value, allowed: str, holds: Callable[[np.ndarray], np.ndarray]) -> None:
    """Raises `ValueError`, naming the owner, the argument, its value and what is allowed, unless `holds` everywhere."""
    if is_concrete(value) and not np.all(holds(np.asarray(value))):
        raise ValueError(f"{owner}: `{name}` is {value}; {allowed} is allowed.")


def require_integer(owner: str, name: str, value, least: int, most: int | None = None, meaning: str = "") -> None:
    """The same for integers from `least` to `most`; `meaning` says what the largest one is."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}{meaning and f' ({meaning})'}"

    def holds(array):
        return np.issubdtype(array.dtype, np.integer) & (array >= least) & (most is None or array <= most)

    require_number(owner, name, value, f"an integer {allowed}", holds)
