"""What constructors and solvers are given, checked where its values are known: neither traced nor `None`."""

import dataclasses
import functools
from collections.abc import Callable, Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .leaves import as_real_leaf, as_wide_leaf, is_concrete


@dataclasses.dataclass(frozen=True, eq=False)
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
    "standard deviation": Rule("a standard deviation of at least 0", lambda value: (value >= 0) & np.isfinite(value)),
    "switch": Rule("0 or 1", lambda value: (value == 0) | (value == 1), as_wide_leaf),
}


def check(owner: str, name: str, value, rule: str | Rule) -> None:
    """Checks a number against a rule (or the name of one of `RULES`), unless it is `None` or unknown while tracing.

    **Raises:** `ValueError` naming the owner, the argument, its value and what is allowed.
    """
    if not is_concrete(value):
        return
    rule = RULES[rule] if isinstance(rule, str) else rule
    if not _allows(rule, value):
        text = repr(value) if isinstance(value, str) else value
        raise ValueError(f"{owner}: `{name}` is {text}; {rule.allowed} is allowed.")


def _allows(rule: Rule, value) -> bool:
    if type(value) is np.ndarray and value.shape == () and value.dtype.kind in "if":
        return _allows_number(rule, value.item())
    if not (is_number(value) and np.size(value)):
        return False
    array = np.asarray(value)
    # What is true or false is a switch, and no number.
    return (array.dtype.kind != "b" or rule is RULES["switch"]) and bool(np.all(rule.holds(array)))


# The numbers of a grid are few, and its cells are many.
@functools.lru_cache(maxsize=1 << 14, typed=True)
def _allows_number(rule: Rule, number: float | int) -> bool:
    return bool(np.all(rule.holds(np.asarray(number))))


def is_number(value) -> bool:
    """Whether a value is a real number or an array of such."""
    try:
        entries = np.asarray(value)
    except (TypeError, ValueError):  # a ragged list, or a JAX array of random keys
        return False
    return entries.dtype.kind in "biufV"  # V: the short floats of JAX


def require_number(owner: str, name: str, value, allowed: str, holds: Callable[[np.ndarray], np.ndarray]) -> None:
    """Raises `ValueError`, naming the owner, the argument, its value and what is allowed, unless `holds` everywhere."""
    check(owner, name, value, Rule(allowed, holds))


def require_integer(owner: str, name: str, value, least: int, most: int | None = None, meaning: str = "") -> None:
    """The same for integers from `least` to `most`; `meaning` says what the largest one is."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}{meaning and f' ({meaning})'}"

    def holds(array):
        return is_whole(array) & (array >= least) & (most is None or array <= most)

    require_number(owner, name, value, f"an integer {allowed}", holds)
    if is_concrete(value) and np.ndim(value) != 0:
        raise ValueError(f"{owner}: `{name}` has shape {np.shape(value)}; an integer {allowed} is allowed.")


def require_key(owner: str, name: str, key) -> None:
    """Raises `TypeError` unless a value is one random key: a typed one, or the two words of an old one."""
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key) and shape == ()
    if not (typed or (isinstance(key, (jax.Array, np.ndarray)) and dtype == np.uint32 and shape == (2,))):
        raise TypeError(f"{owner}: `{name}` is {key!r}; one random key, such as `jax.random.key(0)`, is allowed.")


def require_flag(owner: str, name: str, value) -> None:
    """Raises `TypeError` unless a value that is static is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{owner}: `{name}` is {value!r}; True or False is allowed.")


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
    require_name(type(owner).__name__, name, getattr(owner, name), choices)


def require_name(owner: str, name: str, value, allowed: Iterable[str]) -> None:
    """Raises `ValueError` unless a value is one of the names that are allowed."""
    allowed = tuple(allowed)
    if not (isinstance(value, str) and value in allowed):
        raise ValueError(f"{owner}: `{name}` is {value!r}; allowed: {', '.join(allowed)}.")
