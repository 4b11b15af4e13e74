"""What constructors and solvers are given, checked where its values are known: neither traced nor `None`."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import numpy as np

from .leaves import as_real_leaf, as_wide_leaf, is_concrete


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a number may be: `allowed` in words, `holds` for every entry of an array, and what makes it a leaf.

    A comparison with NaN is false, so a rule made of comparisons refuses NaN.
    """

    allowed: str
    holds: Callable[[np.ndarray], np.ndarray | np.bool_ | bool]
    converter: Callable = as_real_leaf


def is_whole(value: np.ndarray) -> bool:
    """Whether an array holds integers."""
    return np.issubdtype(value.dtype, np.integer)


RULES = {
    "at least one": Rule("a number of at least 1", lambda value: value >= 1),
    "closed probability": Rule("a probability", lambda value: (value >= 0) & (value <= 1)),
    "count": Rule("an integer of at least 0", lambda value: is_whole(value) & (value >= 0), as_wide_leaf),
    "decay": Rule("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)),
    "decibels": Rule("a number of decibels", lambda value: ~np.isnan(value)),
    "finite": Rule("a finite number", np.isfinite),
    "nonnegative": Rule("a number of at least 0", lambda value: (value >= 0) & np.isfinite(value)),
    "positive": Rule("a positive number", lambda value: (value > 0) & np.isfinite(value)),
    "positive count": Rule("an integer of at least 1", lambda value: is_whole(value) & (value >= 1), as_wide_leaf),
    "probability": Rule("a number strictly between 0 and 1", lambda value: (value > 0) & (value < 1)),
    "share": Rule("a number in (0, 1]", lambda value: (value > 0) & (value <= 1)),
    "standard deviation": Rule("a standard deviation of at least 0", lambda value: value >= 0),
    "switch": Rule("0 or 1", lambda value: (value == 0) | (value == 1), as_wide_leaf),
}


def check(owner: str, name: str, value, rule: str | Rule) -> None:
    """Checks a number against a rule (or the name of one of `RULES`), unless it is `None` or unknown while tracing.

    **Raises:** `ValueError` naming the owner, the argument, its value and what is allowed.
    """
    if not is_concrete(value):
        return
    rule = RULES[rule] if isinstance(rule, str) else rule
    entries = np.asarray(value)
    is_number = np.issubdtype(entries.dtype, np.number) or entries.dtype.kind in "bV"  # V: the short floats of JAX
    if not (is_number and np.all(rule.holds(entries))):
        raise ValueError(f"{owner}: `{name}` is {value}; {rule.allowed} is allowed.")


def require_number(owner: str, name: str, value, allowed: str, holds: Callable[[np.ndarray], np.ndarray]) -> None:
    """Raises `ValueError`, naming the owner, the argument, its value and what is allowed, unless `holds` everywhere."""
    check(owner, name, value, Rule(allowed, holds))


def require_integer(owner: str, name: str, value, least: int, most: int | None = None, meaning: str = "") -> None:
    """The same for integers from `least` to `most`; `meaning` says what the largest one is."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}{meaning and f' ({meaning})'}"

    def holds(array):
        return is_whole(array) & (array >= least) & (most is None or array <= most)

    require_number(owner, name, value, f"an integer {allowed}", holds)


def optional_real():
    """A traced field that is a real number or `None`; integers are taken as floats, so they do not compile again."""
    return eqx.field(converter=as_real_leaf, default=None)


def require(owner, **rules: str) -> None:
    """Checks fields of a module against named rules, for those whose values are known now (not traced, not `None`).

    **Raises:** `ValueError` naming the class, the field, its value and what is allowed.
    """
    for name, rule in rules.items():
        check(type(owner).__name__, name, getattr(owner, name), rule)


def require_choice(owner, name: str, choices: tuple[str, ...]) -> None:
    """Checks a static field that names one of a few choices."""
    value = getattr(owner, name)
    if value not in choices:
        raise ValueError(f"{type(owner).__name__}: `{name}` is {value!r}; allowed: {', '.join(choices)}.")
