"""Fields that carry their rule: converter, check, message and capacity come from the marker beside the field.

    class MatrixSensing(AbstractModel):
        dimension: int = count(1)                         # a static integer of at least 1
        rank: Size = size(1, most="dimension")            # a traced integer with a capacity, at most another field
        noise: Real = leaf(0.0, "standard deviation")     # a traced real number
        outliers: str = choice("gaussian", "positive")    # a static name, the first one by default

`AbstractModule` reads the markers: whoever inherits from it writes no constructor where a marker says it all, and
`check_together` for what several fields must satisfy at once.
"""

import dataclasses
import functools
import types
import typing
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, Int

from .checks import RULES, Rule, check, is_number, is_whole, require_flag, require_name
from .construction import Meta, assigns
from .data import shown
from .leaves import as_real_leaf, as_wide_leaf, check_width, is_concrete, is_wide
from .sizes import Capacities, concrete_capacities

if typing.TYPE_CHECKING:
    # What a constructor takes: numbers, arrays, tracers. What a field holds is a scalar array.
    Real = typing.Any
    Whole = typing.Any
    Size = typing.Any
else:
    Real = Float[Array, ""]
    Whole = Int[Array, ""]
    Size = Int[Array, ""]

ClassT = TypeVar("ClassT", bound=type)

_RULE, _PADDED, _KNOWN_AS = "rule", "padded", "known_as"
_ANY = Rule("a number", lambda value: ~np.isnan(value), as_wide_leaf)


@dataclasses.dataclass(frozen=True)
class _Number:
    rule: str | Rule

    def check(self, owner, name: str, value) -> None:
        check(type(owner).__name__, name, value, self.rule)


@dataclasses.dataclass(frozen=True)
class _Integer:
    """An integer from `least` to `most`: a number, or the name of a field or property, unknown while that is traced."""

    least: int
    most: int | str | None
    meaning: str | None

    def check(self, owner, name: str, value) -> None:
        most = getattr(owner, self.most) if isinstance(self.most, str) else self.most
        if _in_range(value, self.least, most):
            return
        most = np.asarray(most) if is_concrete(most) else None
        if most is None:
            allowed = f"of at least {self.least}"
        else:
            named = f"the {self.most.strip('_').replace('_', ' ')}" if isinstance(self.most, str) else ""
            meaning = named if self.meaning is None else self.meaning
            allowed = f"from {self.least} to {most}{meaning and f' ({meaning})'}"

        def holds(value):
            return is_whole(value) & (value >= self.least) & (most is None or value <= most)

        check(type(owner).__name__, name, value, Rule(f"an integer {allowed}", holds))


def _in_range(value, least: int, most) -> bool:
    """Whether a value is one integer that is seen at once to be in the range; what is not is looked at closely."""
    numbers = [value] if most is None else [value, most]
    for place, each in enumerate(numbers):
        if type(each) is np.ndarray and each.shape == () and each.dtype.kind == "i":
            numbers[place] = each.item()
        elif type(each) is not int:
            return False
    return least <= numbers[0] <= numbers[-1]


@dataclasses.dataclass(frozen=True)
class _Choice:
    choices: tuple[str, ...]

    def check(self, owner, name: str, value) -> None:
        require_name(type(owner).__name__, name, value, self.choices)


def _as_static_integer(value):
    """A Python integer; what is none (a float, say) passes, for the rule to refuse it by name."""
    whole = not hasattr(value, "dtype") or jnp.issubdtype(value.dtype, np.integer)
    single = whole and np.ndim(value) == 0 and hasattr(value, "__index__") and not isinstance(value, bool)
    return int(value) if single and is_concrete(value) else value


def _numbers_only(converter):
    """The converter for what it is made for; anything else passes, for the rule to refuse it by name."""

    @functools.wraps(converter)
    def convert(value):
        if type(value) in (float, int):
            return converter(value)
        known = isinstance(value, (int, float)) or not is_concrete(value)
        return converter(value) if value is not None and (known or is_number(value)) else value

    return convert


def _field(default, converter, known_as: str | None, static: bool = False, padded: bool = False, rule=None):
    metadata = {_RULE: rule, _PADDED: padded, _KNOWN_AS: known_as}
    converter = None if converter is None else _numbers_only(converter)
    return eqx.field(converter=converter, static=static, default=default, metadata=metadata)


def leaf(
    default: typing.Any = dataclasses.MISSING, rule: str | Rule | None = None, *, known_as: str | None = None
) -> typing.Any:
    """A field that is traced (never static), whatever number it is given, and may be `None` if that is its default.

    Integers are taken as floats where the rule (or, without one, the default) is a real number, so that
    `IHT(step_size=1)` and `IHT(step_size=1.0)` are one program.

    **Arguments:**

    - `default`: its value if none is given; without it the field must be given.
    - `rule`: the name of one of `recover.core.checks.RULES`, or a `Rule`. Any number by default.
    - `known_as`: the name that enters digests, where the field had another one when streams were drawn.
    """
    named = RULES[rule] if isinstance(rule, str) else rule
    if named is not None:
        return _field(default, named.converter, known_as, rule=_Number(named))
    converter = as_real_leaf if isinstance(default, float) else as_wide_leaf
    return _field(default, converter, known_as, rule=_Number(_ANY))


def integer(
    least: int,
    most: int | str | None = None,
    *,
    default=dataclasses.MISSING,
    meaning: str | None = None,
    known_as: str | None = None,
):
    """A traced integer from `least` to `most` that is the size of no array; arguments as for `size`."""
    return _field(default, as_wide_leaf, known_as, rule=_Integer(least, most, meaning))


def size(
    least: int,
    most: int | str | None = None,
    *,
    default: typing.Any = dataclasses.MISSING,
    meaning: str | None = None,
    known_as: str | None = None,
) -> typing.Any:
    """A traced integer that is the size of arrays: its capacity is recorded when it is known.

    **Arguments:**

    - `least`, `most`: the range allowed; `most` is a number, or the name of another field or property, or nothing.
    - `default`: its value if none is given; without it the field must be given.
    - `meaning`: what the largest value is, in the message; by default that is made of the name `most`.
    - `known_as`: the name that enters digests, where the field had another one when streams were drawn.
    """
    return _field(default, as_wide_leaf, known_as, padded=True, rule=_Integer(least, most, meaning))


def count(
    least: int = 1,
    most: int | str | None = None,
    *,
    default=dataclasses.MISSING,
    meaning: str | None = None,
    known_as: str | None = None,
):
    """A static integer from `least` to `most`: another value is another program. Arguments as for `size`."""
    return _field(default, _as_static_integer, known_as, static=True, rule=_Integer(least, most, meaning))


def choice(*choices: str, default: str | None = None, known_as: str | None = None):
    """A static field that is one of a few names; the first one by default."""
    chosen = choices[0] if default is None else default
    return _field(chosen, None, known_as, static=True, rule=_Choice(choices))


@functools.cache
def _rules(kind: type) -> tuple[tuple[str, object], ...]:
    marked = [(field.name, field.metadata.get(_RULE)) for field in dataclasses.fields(kind)]
    # What bounds others is checked before them.
    marked.sort(key=lambda pair: isinstance(getattr(pair[1], "most", None), str))
    return tuple((name, rule) for name, rule in marked if rule is not None)


@functools.cache
def _needed(kind: type) -> frozenset[str]:
    """The fields that are annotated as arrays or plain values, with no word of `None`, not even as a default."""

    def plain(annotation) -> bool:
        return hasattr(annotation, "dim_str") or annotation in (int, float, bool, str)

    return frozenset(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is not None and all(plain(each) for each in _alternatives(field.type))
    )


@functools.cache
def _kinds(kind: type) -> tuple[tuple[str, tuple[type, ...]], ...]:
    """Fields without a rule that are flags (static booleans), or modules; with the classes that are allowed."""
    found = []
    for field in dataclasses.fields(kind):
        allowed = tuple(typing.get_origin(each) or each for each in _alternatives(field.type))
        if field.metadata.get(_RULE) is not None or not all(isinstance(each, type) for each in allowed):
            continue
        flag = allowed == (bool,) and field.metadata.get("static", False)
        modules = [each for each in allowed if each is not type(None)]
        if flag or (modules and all(issubclass(each, AbstractModule) for each in modules)):
            found.append((field.name, allowed))
    return tuple(found)


def _require_kind(owner, name: str, allowed: tuple[type, ...]) -> None:
    value = getattr(owner, name)
    if allowed == (bool,):
        require_flag(type(owner).__name__, name, value)
    elif not isinstance(value, allowed):
        text = "None" if value is None else f"{' '.join(repr(value).split())[:40]}, a {type(value).__name__}"
        names = " or ".join(each.__name__ for each in allowed if each is not type(None))
        raise TypeError(f"{type(owner).__name__}: `{name}` is {text}; a {names} is allowed.")


def _alternatives(annotation) -> tuple:
    """The members of a union; of anything else the annotation itself."""
    return (
        typing.get_args(annotation)
        if typing.get_origin(annotation) in (typing.Union, types.UnionType)
        else (annotation,)
    )


@functools.cache
def _sizes(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if field.metadata.get(_PADDED))


@functools.cache
def content_names(kind: type) -> tuple[tuple[str, str], ...]:
    """The fields of a class that are content, with the names they have in digests."""
    return tuple(
        (field.name, field.metadata.get(_KNOWN_AS) or field.name)
        for field in dataclasses.fields(kind)
        if field.name != "capacities"
    )


class AbstractModule(eqx.Module, metaclass=Meta):
    """A module whose fields carry their rules.

    On construction every field is made what its marker says and checked against its rule where its value is known,
    then `check_together` is called; `capacities` holds the padded maxima of the fields marked as `size`
    (`recover.core.sizes`). A hand-written constructor may stay where fields are derived from other arguments: it
    only assigns, the markers still convert and check.
    """

    capacities: Capacities = eqx.field(static=True, repr=False, init=False, default=())

    if not typing.TYPE_CHECKING:

        def __setattr__(self, name, value):
            if not assigns(self, name, value):
                super().__setattr__(name, value)

    def __check_init__(self):
        kind, present = type(self), self.__dict__
        # A default that no constructor assigns stays on the class, and JAX would take the field as missing.
        for name, _ in content_names(kind):
            if name not in present:
                object.__setattr__(self, name, getattr(self, name))
        needed = _needed(kind)
        for name, rule in _rules(kind):
            if present[name] is None and name in needed:
                raise ValueError(f"{kind.__name__}: `{name}` is None; a value is needed.")
            rule.check(self, name, present[name])
        for name, allowed in _kinds(kind):
            _require_kind(self, name, allowed)
        if "capacities" not in present:
            sizes = {name: present[name] for name in _sizes(kind)}
            object.__setattr__(self, "capacities", concrete_capacities(**sizes))
        for name, _ in content_names(kind):
            if is_wide(present[name]):
                check_width(present[name], f"{kind.__name__}: `{name}`")
        # Through the class: a bound method of a module is a module that takes long to make.
        kind.check_together(self)

    def check_together(self) -> None:
        """Raises `ValueError` where fields do not fit together; by then each has passed its own rule.

        Values may be traced (`recover.core.leaves.is_concrete`). Written instead of `__check_init__`, which Equinox
        would call before the rules are checked.
        """
        return None

    def content(self) -> Iterator[tuple[str, object]]:
        """The names and values that enter the digest, which seeds random streams, in their order.

        By default the fields as they stand, but for capacities, which are padding. A class whose fields were renamed
        or reordered after streams had been drawn keeps its streams by `known_as` or by writing this method.
        """
        for name, known_as in content_names(type(self)):
            yield known_as, getattr(self, name)


def require_scalars(owner: str, module) -> None:
    """Checks that a module, and those that it holds, have one number where their fields are annotated so.

    Modules with arrays in such fields stand for several, under `jax.vmap`, and may be built; but not solved as one.

    **Raises:** `ValueError` naming the class and the field.
    """
    if isinstance(module, (tuple, list)):
        for each in module:
            require_scalars(owner, each)
    if not isinstance(module, AbstractModule):
        return
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if field.name in _scalars(type(module)) and is_concrete(value) and np.ndim(value) != 0:
            raise ValueError(
                f"{owner}: `{field.name}` of {type(module).__name__} has shape {np.shape(value)}; one number is allowed. Several "
                "are for `rc.sweep`, or `jax.vmap`."
            )
        require_scalars(owner, value)


def require_leaves(owner: str, module, arrays: bool = False) -> None:
    """Checks what a module holds in fields that are not static: numbers, arrays of them, and what can be told apart by a hash.

    With `arrays`, as for modules that are stacked, nothing but numbers and arrays of them.

    **Raises:** `TypeError` naming the class, the field, its value and what is allowed.
    """
    for path, value in jtu.tree_flatten_with_path(module)[0]:
        if isinstance(value, (jax.Array, np.generic, bool, int, float, complex)):
            continue
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufcV":
            continue
        if not arrays and not isinstance(value, np.ndarray) and _has_hash(value):
            continue
        raise TypeError(
            f"{owner}: `{jtu.keystr(path).lstrip('.')}` of {type(module).__name__} is {shown(value)}; numbers and arrays of "
            "them are allowed, and anything that can be hashed in a field that is static, `eqx.field(static=True)`."
        )
    _require_no_static_arrays(owner, module)


def _require_no_static_arrays(owner: str, module) -> None:
    """Refuses arrays in static fields, of which nobody could say whether two of them are equal."""
    if isinstance(module, (tuple, list)):
        for each in module:
            _require_no_static_arrays(owner, each)
    if not isinstance(module, eqx.Module):
        return
    for field in dataclasses.fields(module):
        value = getattr(module, field.name, None)
        if not field.metadata.get("static", False):
            _require_no_static_arrays(owner, value)
        elif isinstance(value, (np.ndarray, jax.Array)) and value.size != 1:
            raise TypeError(
                f"{owner}: `{field.name}` of {type(module).__name__} is {shown(value)}, in a field that is static; a tuple is "
                "allowed there, and an array in a field that is not."
            )


def _has_hash(value) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


@functools.cache
def _scalars(kind: type) -> frozenset[str]:
    """The fields that are annotated as arrays without axes."""
    kinds_of = {field.name: _alternatives(field.type) for field in dataclasses.fields(kind)}
    return frozenset(
        name for name, kinds in kinds_of.items() if any(getattr(each, "dim_str", None) == "" for each in kinds)
    )


def renamed(old: str, new: str, *, translate: Callable | None = None, meaning: str = "") -> Callable[[ClassT], ClassT]:
    """Decorates a final class whose keyword `old` has become `new`.

    Without `translate` the old keyword still works, with a `DeprecationWarning`. With it the old keyword is refused,
    since its values meant something else: `translate` turns an old value into the new one for the message, and
    `meaning` says what the new keyword is.
    """

    def decorate(kind: ClassT) -> ClassT:
        constructor = kind.__init__

        @functools.wraps(constructor)
        def construct(self, *args, **kwargs):
            if old in kwargs:
                value = kwargs.pop(old)
                message = f"{kind.__name__}: `{old}` is now `{new}`{meaning and f', {meaning}'}"
                if translate is not None:
                    example = f": write `{new}={translate(value):g}` for `{old}={value:g}`" if _scalar(value) else ""
                    raise TypeError(f"{message}{example}.")
                if new in kwargs:
                    raise TypeError(f"{message}: give one of them.")
                warnings.warn(f"{message}.", DeprecationWarning, stacklevel=3)
                kwargs[new] = value
            constructor(self, *args, **kwargs)

        kind.__init__ = construct
        return kind

    return decorate


def _scalar(value) -> bool:
    return is_concrete(value) and np.ndim(value) == 0 and not isinstance(value, str)
