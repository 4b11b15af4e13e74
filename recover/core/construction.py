"""Construction of modules, of which a large grid makes hundreds of thousands.

Equinox looks at every field of every new instance: whether it was assigned, whether something in it is an array that is
static. The first instance of a class, and every one made of arrays or functions, is made its way. Another one made of
numbers, strings and modules is only assigned, converted and checked, in a third of the time.
"""

import dataclasses
import functools
import typing

import equinox as eqx
import numpy as np

_PLAIN = frozenset(
    [type(None), bool, int, float, str, np.ndarray, np.bool_, np.float32, np.float64, np.int32, np.int64]
)
# Classes with an instance that Equinox found nothing to say about, and instances that are being made, by their place in memory.
_inspected: set[type] = set()
_open: dict[int, frozenset[str]] = {}


@typing.dataclass_transform(field_specifiers=(dataclasses.field, eqx.field))
class Meta(type(eqx.Module)):
    """The metaclass of modules that are made quickly where there is nothing left to find out about them."""

    def __call__(cls, *args, **kwargs):
        """A new instance."""
        if cls in _inspected and all(map(_is_plain, args)) and all(map(_is_plain, kwargs.values())):
            made = _assigned(cls, args, kwargs)
            if made is not None:
                return made
        made = super().__call__(*args, **kwargs)
        _inspected.add(cls)
        return made


def _is_plain(value) -> bool:
    kind = type(value)
    return kind in _PLAIN or type(kind) is Meta


@functools.cache
def _fields(kind: type) -> tuple[frozenset[str], frozenset[str], tuple]:
    """Names of all fields, of those without a default on the class, and the converters of those that have one."""
    fields = dataclasses.fields(kind)
    converted = tuple((each.name, each.metadata["converter"]) for each in fields if each.metadata.get("converter"))
    names = frozenset(each.name for each in fields)
    return names, frozenset(name for name in names if not hasattr(kind, name)), converted


def _assigned(kind: type, args: tuple, kwargs: dict):
    """An instance whose fields are assigned, converted and checked; `None` where one was left out."""
    names, needed, converted = _fields(kind)
    made = object.__new__(kind)
    _open[id(made)] = names
    try:
        kind.__init__(made, *args, **kwargs)
    finally:
        del _open[id(made)]
    own = object.__getattribute__(made, "__dict__")
    if not needed <= own.keys():
        return None
    for name, converter in converted:
        own[name] = converter(own[name] if name in own else getattr(kind, name))
    for parent in kind.__mro__:
        if "__check_init__" in parent.__dict__:
            parent.__dict__["__check_init__"](made)
    return made


def assigns(module, name: str, value) -> bool:
    """Assigns a field of a module that is being made; whether it did so."""
    names = _open.get(id(module), ())
    if name in names:
        object.__getattribute__(module, "__dict__")[name] = value
    return name in names
