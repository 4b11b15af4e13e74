"""Traced sizes and their capacities.

A size one sweeps (samples, sparsity, rank) is a traced number, so the arrays it measures need a static shape: its
*capacity*, the padded maximum. A module records the capacities of its own sizes when it is built from concrete
numbers; a sweep raises them to the maximum over the cells that share a program, in the modules that it holds as well.
Nobody types them.
"""

import dataclasses
import functools
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, PyTree

from .leaves import is_concrete

Capacities = tuple[tuple[str, int], ...]
ModuleT = TypeVar("ModuleT", bound=eqx.Module)


def capacities_field():
    """The static field `capacities` of a module with traced sizes."""
    return eqx.field(static=True, repr=False)


def concrete_capacities(**sizes) -> Capacities:
    """The capacities of the given sizes: their own values where these are known now."""
    return tuple(sorted((name, _largest(value)) for name, value in sizes.items() if is_concrete(value)))


def _largest(value) -> int:
    return int(value) if type(value) is np.ndarray and value.shape == () else int(np.max(np.asarray(value)))


def capacity(module: eqx.Module, name: str) -> int:
    """The padded maximum of the traced size `name` of `module`, or of a module that it holds.

    **Raises:** `ValueError` if the module was built from a traced size, whose maximum nobody knows.
    """
    known = capacities_of(module)
    if name not in known:
        raise ValueError(
            f"{type(module).__name__} was built inside a transformation with a traced `{name}`, so the shape of its "
            f"arrays is unknown. Build it outside from a number, or use `rc.sweep`, which finds the capacity."
        )
    return known[name]


def capacities_of(module: PyTree) -> dict[str, int]:
    """The capacities of a module and of the modules that it holds; the largest, where several have a size of one name."""
    found: dict[str, int] = {}
    _collect(module, found)
    return found


def _collect(value: PyTree, found: dict[str, int]) -> None:
    if not _holds(type(value)):
        return
    if _is_module(type(value)):
        for name, size in _own(value).get("capacities", ()):
            found[name] = max(size, found.get(name, 0))
    for each in _held(value):
        _collect(each, found)


def with_capacities(module: ModuleT, capacities: Mapping[str, int] | None) -> ModuleT:
    """A copy of `module`, and of the modules that it holds, with `capacities` in place of their own.

    `None` removes them (for comparing structures). A module without traced sizes anywhere is returned as it is.
    """
    own = () if capacities is None else tuple(sorted(capacities.items()))
    return _with_capacities(module, own)


def _held(value: PyTree) -> Iterator[PyTree]:
    """What a module or a container holds directly."""
    if _is_module(type(value)):
        own = _own(value)
        # A default that no constructor assigns stays on the class.
        yield from (own[name] if name in own else getattr(value, name) for name in _names(type(value)))
    elif isinstance(value, (tuple, list)):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _own(module: eqx.Module) -> dict:
    """What an instance has itself; `vars` takes the way of Equinox to it, which takes five times as long."""
    return object.__getattribute__(module, "__dict__")


# Grids have hundreds of thousands of modules, of a few classes; asking whether a value is one takes a microsecond each.
@functools.cache
def _is_module(kind: type) -> bool:
    return issubclass(kind, eqx.Module)


@functools.cache
def _holds(kind: type) -> bool:
    return _is_module(kind) or issubclass(kind, (tuple, list, dict))


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields in which others may be; capacities are numbers."""
    return tuple(field.name for field in dataclasses.fields(kind) if field.name != "capacities")


@functools.cache
def _declares_sizes(kind: type) -> bool:
    fields = dataclasses.fields(kind)
    return any((each.name == "capacities" and each.init) or each.metadata.get("padded") for each in fields)


def _has_sizes(module: eqx.Module) -> bool:
    """Whether a module has traced sizes of its own: known ones, or fields for them."""
    return bool(_own(module).get("capacities", ())) or _declares_sizes(type(module))


def _with_capacities(value: PyTree, capacities: Capacities) -> PyTree:
    if not _holds(type(value)):
        return value
    old = list(_held(value))
    new = [_with_capacities(each, capacities) for each in old]
    changed = any(after is not before for before, after in zip(old, new, strict=True))
    if _is_module(type(value)):
        sized = _has_sizes(value)
        if not (changed or sized):
            return value
        copy = object.__new__(type(value))
        for name, each in zip(_names(type(value)), new, strict=True):
            object.__setattr__(copy, name, each)
        if sized or "capacities" in _own(value):
            object.__setattr__(copy, "capacities", capacities if sized else ())
        return copy
    if not changed:
        return value
    if isinstance(value, dict):
        return dict(zip(value, new, strict=True))
    return type(value)(*new) if hasattr(value, "_fields") else type(value)(new)


def program_key(value: PyTree) -> Hashable:
    """Equal for modules that a program takes alike once they are padded: static structure, and shapes of the leaves.

    What the structure and the shapes of the leaves of `with_capacities(value, None)` say, read off in a tenth of the time.
    """
    kind = type(value)
    if kind is np.ndarray:
        return value.shape
    if value is None:
        return None
    if kind is tuple or kind is list:
        return (kind, *map(program_key, value))
    if _is_module(kind):
        own, (count, fields) = _own(value), _statics(kind)
        if len(own) == count:
            return (kind, *(_static_key(own[name]) if static else program_key(own[name]) for name, static in fields))
    if kind in _NUMBERS or isinstance(value, (np.ndarray, np.generic, jax.Array)):
        return np.shape(value)
    leaves, structure = jtu.tree_flatten(_with_capacities(value, ()))
    return structure, tuple(map(np.shape, leaves))


_NUMBERS = frozenset([bool, int, float, complex])


def _static_key(value) -> Hashable:
    """A static value, or what stands for one that has no hash: containers and arrays are read."""
    kind = type(value)
    if kind is int or kind is str or kind is bool:
        return value
    if kind is np.ndarray:
        return kind, value.dtype.str, value.shape, value.tobytes()
    if kind is list or kind is tuple:
        return (kind, *map(_static_key, value))
    if kind is dict:
        return (kind, *((key, _static_key(value[key])) for key in sorted(value, key=repr)))
    return frozenset(value) if kind is set else value


@functools.cache
def _statics(kind: type) -> tuple[int, tuple[tuple[str, bool], ...]]:
    """The number of fields; the names of all but capacities, and whether they are static."""
    fields = dataclasses.fields(kind)
    named = tuple((each.name, each.metadata.get("static", False)) for each in fields if each.name != "capacities")
    return len(fields), named


def row_mask(samples: Any, capacity: int) -> Bool[Array, " capacity"]:
    """Boolean mask of the first `samples` of `capacity` padded rows; shape (capacity,)."""
    return jnp.arange(capacity, dtype=jnp.int32) < samples
