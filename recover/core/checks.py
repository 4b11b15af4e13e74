"""What constructors and solvers are given, checked where its values are known: neither traced nor `None`."""

from collections.abc import Callable

import equinox as eqx
import numpy as np

from .leaves import as_real_leaf, is_concrete

_RULES = {
    "positive": ("a positive number", lambda value: (value > 0) & np.isfinite(value)),
    "nonnegative": ("a number of at least 0", lambda value: (value >= 0) & np.isfinite(value)),
    "share": ("a number in (0, 1]", lambda value: (value > 0) & (value <= 1)),
    "decay": ("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)),
    "probability": ("a number strictly between 0 and 1", lambda value: (value > 0) & (value < 1)),
    "count": ("an integer of at least 0", lambda value: _integers(value) & (value >= 0)),
    "positive count": ("an integer of at least 1", lambda value: _integers(value) & (value >= 1)),
}


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


def optional_real():
    """A traced field that is a real number or `None`; integers are taken as floats, so they do not compile again."""
    return eqx.field(converter=as_real_leaf, default=None)


def require(owner, **rules: str) -> None:
    """Checks fields of a module against named rules, for those whose values are known now (not traced, not `None`).

    **Raises:** `ValueError` naming the class, the field, its value and what is allowed.
    """
    for name, rule in rules.items():
        value = getattr(owner, name)
        allowed, holds = _RULES[rule]
        if is_concrete(value) and not np.all(holds(np.asarray(value))):
            raise ValueError(f"{type(owner).__name__}: `{name}` is {value}; {allowed} is allowed.")


def require_choice(owner, name: str, choices: tuple[str, ...]) -> None:
    """Checks a static field that names one of a few choices."""
    value = getattr(owner, name)
    if value not in choices:
        raise ValueError(f"{type(owner).__name__}: `{name}` is {value!r}; allowed: {', '.join(choices)}.")


def _integers(value: np.ndarray) -> bool:
    return np.issubdtype(value.dtype, np.integer)
