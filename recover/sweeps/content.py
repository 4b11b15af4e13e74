"""Names and random streams derived from content.

The random stream of an instance is a function of the seed, the trial and the content of the model alone. So solvers
meet identical instances, a grid can be refined or extended without recomputing, and neither the block size, the
device count nor the padding changes any number.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int, Key, UInt32

from ..core.fields import AbstractModule, content_names
from ..core.threefry import folded
from .loaded_code import Codes


class Hashed:
    """A value with a stand-in for equality and hashing, as an argument of a memoised function."""

    def __init__(self, identity, value):
        self.identity, self.value = identity, value

    def __eq__(self, other):
        return self.identity == other.identity

    def __hash__(self):
        return hash(self.identity)


def content_digest(value) -> bytes:
    """A 16-byte digest of a module (or any nested Python value): class names, field names and values.

    Capacities are left out: they are padding, not content. A module may say itself what its content is
    (`AbstractModule.content`). Numbers are compared as int64 or float64.

    **Raises:** `TypeError` for a value without stable content, such as a lambda.
    """
    stream = hashlib.blake2b(digest_size=16)
    _feed(stream.update, value)
    return stream.digest()


def identity_digest(value, codes: Codes) -> bytes:
    """A 16-byte digest that tells a module from every other one that may compute other numbers.

    Besides what `content_digest` sees, it tells apart the code of classes and functions, and it knows every field, whatever
    a module says is its content. It names lanes, and enters no random stream.

    **Raises:** `TypeError` for a value without stable content, such as a lambda.
    """
    stream = hashlib.blake2b(digest_size=16)
    _feed(stream.update, value, codes=codes)
    return stream.digest()


def design_digest(model: eqx.Module) -> bytes:
    """Digest of what a shared design may depend on: the model's structure and static fields, not its array leaves."""
    stream = hashlib.blake2b(digest_size=16)
    _feed(stream.update, model, arrays=False)
    return stream.digest()


@functools.cache
def _class_name(kind: type) -> bytes:
    return kind.__qualname__.encode()


@functools.cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if field.name != "capacities")


@functools.cache
def _fields(kind: type) -> tuple[tuple[bytes, str], ...]:
    """The fields of a class, each with what is read of its name; all that are known by another name included."""
    return tuple((name.encode() + b"=", name) for name in _field_names(kind))


@functools.cache
def _content_fields(kind: type) -> tuple[tuple[bytes, str], ...]:
    """The same, by the names that the fields have in streams."""
    return tuple((known_as.encode() + b"=", name) for name, known_as in content_names(kind))


def _held(value, kind: type, by_code: bool) -> Iterable[tuple[bytes, object]]:
    """What a module says is its content; all of its fields, where its code counts or it says nothing."""
    fields = object.__getattribute__(value, "__dict__")
    if not by_code and issubclass(kind, AbstractModule):
        if kind.content is not AbstractModule.content:
            # Through the class: a bound method of a module is a module that takes long to make.
            return ((name.encode() + b"=", item) for name, item in kind.content(value))
        names = _content_fields(kind)
    else:
        names = _fields(kind)
    return ((start, fields[name] if name in fields else getattr(value, name)) for start, name in names)


@functools.lru_cache(maxsize=4096)
def _array_form(dtype: np.dtype, shape: tuple[int, ...]) -> tuple[bytes, np.dtype]:
    """What is read of an array before its entries, and their type."""
    wide = np.dtype({"i": np.int64, "u": np.int64, "f": np.float64}.get(dtype.kind, dtype))
    return f"array:{wide.str}:{shape};".encode(), wide


def _feed_array(feed, value, arrays: bool) -> None:
    if not arrays:
        feed(f"array:{np.shape(value)};".encode())
        return
    is_key = isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    array = np.asarray(jax.random.key_data(value) if is_key else value)
    if array.dtype.hasobject:
        raise TypeError(f"{value!r} has no stable content: use arrays of numbers or strings in models and solvers.")
    form, wide = _array_form(array.dtype, array.shape)
    feed(form)
    feed(array.astype(wide, copy=False).tobytes())


# Grids have hundreds of thousands of modules, so what is met most often is asked for first, by its very type.
_PLAIN = frozenset([type(None), bool, int, float, str, bytes])


def _feed(feed, value, arrays: bool = True, codes: Codes | None = None) -> None:
    kind = type(value)
    if kind in _PLAIN:
        feed(f"{kind.__name__}:{value!r};".encode())
    elif kind is np.ndarray:
        _feed_array(feed, value, arrays)
    elif dataclasses.is_dataclass(kind):
        feed(b"module:" + _class_name(kind) + b";" if codes is None else codes.of(kind).identity)
        for name, item in _held(value, kind, codes is not None):
            feed(name)
            _feed(feed, item, arrays, codes)
    else:
        _feed_other(feed, value, arrays, codes)


def _feed_other(feed, value, arrays: bool, codes: Codes | None) -> None:
    match value:
        case bool() | int() | float() | complex() | str() | bytes():
            feed(f"{type(value).__name__}:{value!r};".encode())
        case np.ndarray() | np.generic() | jax.Array():
            _feed_array(feed, value, arrays)
        case tuple() | list():
            feed(f"sequence:{len(value)};".encode())
            for item in value:
                _feed(feed, item, arrays, codes)
        case dict():
            feed(f"mapping:{len(value)};".encode())
            for key in sorted(value):
                feed(f"{key};".encode())
                _feed(feed, value[key], arrays, codes)
        case functools.partial():
            feed(b"partial;")
            for item in (value.func, value.args, value.keywords):
                _feed(feed, item, arrays, codes)
        case _ if callable(value) and "<" not in getattr(value, "__qualname__", "<"):
            feed(f"function:{value.__module__}.{value.__qualname__};".encode())
            if codes is not None:
                feed(codes.of(value).identity)
        case _:
            raise TypeError(f"{value!r} has no stable content: use a named function or a module in models and solvers.")


def callables(value) -> Iterator[Callable]:
    """The functions in a nested value, and the classes of the modules in it: all the code that it brings along."""
    if isinstance(value, functools.partial):
        yield from callables((value.func, value.args, value.keywords))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from callables(item)
    elif isinstance(value, dict):
        yield from callables(list(value.values()))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for name in _field_names(type(value)):
            yield from callables(getattr(value, name))
    elif callable(value):
        yield value


def digest_words(digest: bytes) -> UInt32[np.ndarray, "2"]:
    """The two 32-bit words of a digest that enter the random stream."""
    return np.frombuffer(digest[:8], dtype="<u4").astype(np.uint32)


def root_words(seed: int) -> UInt32[np.ndarray, "2"]:
    """The words of the key of a seed, a non-negative integer of any size: those of `jax.random.key` in double precision.

    In single precision `jax.random.key` sees the last 32 bits of a seed alone. What is beyond 63 bits is folded in, 32 bits at
    a time.
    """
    low = seed % 2**63
    words, rest = np.asarray([low >> 32, low & 0xFFFFFFFF], np.uint32), seed >> 63
    while rest:
        words, rest = folded(words[None], np.asarray([rest % 2**32], np.uint32))[0], rest >> 32
    return words


def root_key(seed: int) -> Key[Array, ""]:
    """The key with `root_words`."""
    return jax.random.wrap_key_data(root_words(seed), impl="threefry2x32")


def stream_key(root: Key[Array, ""], trial: Int[Array, ""], words: UInt32[Array, "2"]) -> Key[Array, ""]:
    """The key of one instance (or design): the seed's key, folded with the trial and the content."""
    key = jax.random.fold_in(root, trial)
    return jax.random.fold_in(jax.random.fold_in(key, words[0]), words[1])


def stream_words(
    seed: int, trials: Int[np.ndarray, " trials"], words: UInt32[np.ndarray, "lanes 2"]
) -> UInt32[np.ndarray, "trials lanes 2"]:
    """The words of `stream_key` for every trial and content, made on the host: a program has no part in it."""
    of_trials = folded(root_words(seed)[None], trials.astype(np.uint32))[:, None]
    return folded(folded(of_trials, words[:, 0]), words[:, 1])


def three_keys(words: UInt32[np.ndarray, "... 2"]) -> UInt32[np.ndarray, "... 3 2"]:
    """The words of `jax.random.split(key, 3)`: the keys of an instance's design, observations and solver."""
    return folded(words[..., None, :], np.arange(3, dtype=np.uint32))
