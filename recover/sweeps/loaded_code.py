"""Which code a class or a function is: told by what is loaded, not by its name or by the file that it came from.

Two classes of one name may differ, in a notebook, in a reloaded file, or made by a function that closes over a value. So
code is read off the objects themselves: the instructions and constants of methods, what their closures hold, class
attributes, base classes, and what they use of the module around them. Libraries count by name, and modules of this package
by their files, which `closure` reads.
"""

import contextlib
import dataclasses
import dis
import enum
import functools
import hashlib
import sys
import types
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import numpy as np

from .origin import PACKAGES, Origin, origin

# Attributes of classes that say nothing of what its methods do, or follow from others.
_BOOKKEEPING = frozenset(
    [
        "__abstractmethods__",
        "__annotations__",
        "__annotations_cache__",
        "__annotate__",
        "__annotate_func__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__match_args__",
        "__module__",
        "__orig_bases__",
        "__parameters__",
        "__qualname__",
        "__slots__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    ]
)


@dataclasses.dataclass(frozen=True)
class Code:
    """Digests of the code of a class or a function, and what else it needs.

    - `identity`: of everything that its results may depend on, closures' values included.
    - `program`: of what a compiled program holds fixed: the same, but for lists in closures, in which code collects things.
    - `source`: of the code itself, whatever values closures hold.
    - `packages`: modules of this package that are used.
    - `opaque`: values in closures that have no content, as locks and open files: no two of them are the same.
    """

    identity: bytes
    program: bytes
    source: bytes
    packages: frozenset[str]
    opaque: tuple[str, ...]


class Codes:
    """Reads code, each class and function once; made anew for every sweep, since code may be edited in between."""

    def __init__(self):
        self._known: dict[int, tuple[Callable, Code]] = {}

    def of(self, value: Callable) -> Code:
        """The code of a class or a function."""
        known = self._known.get(id(value))
        if known is None:
            reader = _Reader()
            reader.read(value)
            # The object is kept, so that no other one can take its place in memory.
            known = self._known[id(value)] = value, reader.found()
            _forget_programs_of_other_code(value, known[1].program)
        return known[1]

    def changed(self) -> Iterator[Callable]:
        """The classes and functions whose code, or a value that it uses, is not what it was when it was read."""
        for value, code in list(self._known.values()):
            reader = _Reader()
            reader.read(value)
            if reader.found().identity != code.identity:
                yield value


_programs: "weakref.WeakKeyDictionary[Any, bytes]" = weakref.WeakKeyDictionary()
_forgetting: list[Callable[[], None]] = [jax.clear_caches]


def forgets(clear: Callable[[], None]) -> None:
    """Registers what must be forgotten when the code of an object has changed though the object has not."""
    _forgetting.append(clear)


def _forget_programs_of_other_code(value: Callable, program: bytes) -> None:
    """A method that was replaced, or a function of a notebook that methods call, leaves programs of the old code behind."""
    try:
        known = _programs.setdefault(value, program)
    except TypeError:
        return
    if known != program:
        _programs[value] = program
        for clear in _forgetting:
            clear()


@functools.lru_cache(maxsize=8192)
def _names(code: types.CodeType) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """What instructions look up, functions inside included: global names, attributes, and modules that they import."""
    found: tuple[dict, dict, dict] = {}, {}, {}
    for instruction in dis.get_instructions(code):
        match instruction.opname:
            case "LOAD_GLOBAL" | "LOAD_NAME":
                found[0][instruction.argval] = None
            case "LOAD_ATTR" | "LOAD_METHOD" | "IMPORT_FROM":
                found[1][instruction.argval] = None
            case "IMPORT_NAME":
                found[2][instruction.argval] = None
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            for names, inner in zip(found, _names(constant), strict=True):
                names.update(dict.fromkeys(inner))
    return tuple(found[0]), tuple(found[1]), tuple(found[2])


# Which digests a piece enters: all of them, or those of which it is part.
_ALL = frozenset({"identity", "program", "source"})
_IN_CLOSURES = frozenset({"identity", "program"})
_IN_LISTS_OF_CLOSURES = frozenset({"identity"})
# Files of this package are read, and streams of numbers outlive versions of Python; programs hold what is loaded.
_IN_PACKAGES = frozenset({"program"})


class _Reader:
    """Walks through code and the values that it holds, and digests what it meets."""

    def __init__(self):
        self._streams = {name: hashlib.blake2b(digest_size=16) for name in sorted(_ALL)}
        self._into = _ALL
        # Values that were read are kept, so that no other one can take the place in memory of one of them.
        self._seen: dict[int, tuple[int, object]] = {}
        self._packages: set[str] = set()
        self._opaque: list[str] = []

    def found(self) -> Code:
        digests = {name: stream.digest() for name, stream in self._streams.items()}
        return Code(**digests, packages=frozenset(self._packages), opaque=tuple(self._opaque))

    def _feed(self, *words: str | bytes) -> None:
        for word in words:
            data = word.encode() if isinstance(word, str) else word
            for name in self._into:
                self._streams[name].update(b"%d:" % len(data) + data)

    @contextlib.contextmanager
    def _only(self, into: frozenset[str]) -> Iterator[None]:
        """Where what is read enters these digests at most."""
        before, self._into = self._into, self._into & into
        yield
        self._into = before

    def _met(self, value: object) -> bool:
        """Whether a value was read before; circles end here."""
        if id(value) in self._seen:
            self._feed("again", str(self._seen[id(value)][0]))
            return True
        self._seen[id(value)] = len(self._seen), value
        return False

    def read(self, value: object, where: str = "") -> None:
        """Digests a value, or the code that it is."""
        match value:
            case None | bool() | int() | float() | complex() | str() | bytes() | types.EllipsisType():
                self._feed(type(value).__name__, repr(value))
            case np.ndarray() | np.generic() | jax.Array():
                self._array(value)
            case types.ModuleType():
                self._feed("module", value.__name__)
            case type():
                self._class(value)
            case types.FunctionType():
                self._function(value)
            case types.MethodType():
                self._each("method", (value.__func__, value.__self__), where)
            case types.BuiltinFunctionType() | types.MethodWrapperType() | types.GenericAlias():
                self._feed("builtin", getattr(value, "__qualname__", repr(value)))
            case types.CodeType():
                self._code(value)
            case property():
                self._each("property", (value.fget,), where)
            case staticmethod() | classmethod():
                self._each(type(value).__name__, (value.__func__,), where)
            case functools.partial():
                self._each("partial", (value.func, value.args, value.keywords), where)
            case list():
                self._list(value, where)
            case tuple():
                self._each("tuple", value, where)
            case set() | frozenset():
                self._each("set", sorted(value, key=repr), where)
            case dict():
                if not self._met(value):
                    self._each("dict", [part for item in value.items() for part in item], where)
            case _:
                self._object(value, where)

    def _each(self, kind: str, values: Iterable[object], where: str) -> None:
        values = list(values)
        self._feed(kind, str(len(values)))
        for value in values:
            self.read(value, where)

    def _list(self, value: list, where: str) -> None:
        if self._met(value):
            return
        with self._only(_ALL if "source" in self._into else _IN_LISTS_OF_CLOSURES):
            self._each("list", value, where)

    def _array(self, value) -> None:
        if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        if isinstance(value, jax.core.Tracer):
            self._feed("traced", str(value.aval))
            return
        array = np.asarray(value)
        data = repr(array.tolist()).encode() if array.dtype.hasobject else np.ascontiguousarray(array).tobytes()
        self._feed("array", array.dtype.str, str(array.shape), data)

    def _class(self, kind: type) -> None:
        self._feed("class", kind.__module__, kind.__qualname__)
        whose = origin(kind.__module__)
        if whose is Origin.library or self._met(kind):
            return
        if whose is Origin.package:
            self._packages.add(kind.__module__)
        for name, member in sorted(vars(kind).items()):
            if name not in _BOOKKEEPING and not name.startswith("__pydantic"):
                with self._only(_IN_PACKAGES if whose is Origin.package and not _patched(member) else _ALL):
                    self._feed(name)
                    self.read(member, f"{kind.__qualname__}.{name}")
        for base in kind.__bases__:
            self._class(base)

    def _function(self, function: types.FunctionType) -> None:
        module = function.__globals__.get("__name__") or function.__module__ or ""
        whose = origin(module)
        if whose is Origin.library:
            # A decorator of a library, around code that may be the user's.
            self._feed("function", module, function.__qualname__)
            self._wrapped(function)
            return
        if self._met(function):
            return
        self._feed("function", module, function.__qualname__)
        with self._only(_IN_PACKAGES if whose is Origin.package else _ALL):
            self._code(function.__code__)
            self._each("defaults", (function.__defaults__, function.__kwdefaults__), function.__qualname__)
        self._cells(function)
        self._wrapped(function)
        if whose is Origin.package:
            # What it uses is read off the files.
            self._packages.add(module)
        else:
            self._surroundings(function)

    def _wrapped(self, value) -> None:
        inner = getattr(value, "__wrapped__", None)
        if inner is not None and inner is not value:
            self.read(inner)

    def _cells(self, function: types.FunctionType) -> None:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self._feed(name)
            with self._only(_ALL if isinstance(value, (type, types.FunctionType)) else _IN_CLOSURES):
                self.read(value, f"`{name}` of {function.__qualname__}")

    def _surroundings(self, function: types.FunctionType) -> None:
        """What the instructions look up in the module around them, and in other modules."""
        names, attributes, imported = _names(function.__code__)
        for name in names:
            if name in function.__globals__:
                self._feed(name)
                value = function.__globals__[name]
                if isinstance(value, types.ModuleType):
                    self._module(value, attributes)
                else:
                    self.read(value, "")
        for name in imported:
            module = sys.modules.get(name)
            if module is not None:
                self._module(module, attributes)

    def _module(self, module: types.ModuleType, attributes: Iterable[str]) -> None:
        """What is used of a module: the attributes of which the code speaks."""
        self._feed("module", module.__name__)
        whose = origin(module.__name__)
        if whose is Origin.library:
            return
        if whose is Origin.package and hasattr(module, "__file__") and not hasattr(module, "__path__"):
            self._packages.add(module.__name__)
        for name in attributes:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = getattr(module, name, None)
            if isinstance(value, types.ModuleType):
                if value.__name__.startswith(module.__name__ + ".") or value.__name__.partition(".")[0] in PACKAGES:
                    self._module(value, [each for each in attributes if each != name])
            elif value is not None:
                self._feed(name)
                self.read(value, "")

    def _code(self, code: types.CodeType) -> None:
        self._feed("code", code.co_name, code.co_code, getattr(code, "co_exceptiontable", b""))
        counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
        self._feed(repr(counts), repr(code.co_names), repr(code.co_varnames), repr(code.co_freevars))
        self._each("constants", code.co_consts, "")

    def _object(self, value: Any, where: str) -> None:
        """An object of a class: the class, and what the object holds."""
        if self._met(value):
            return
        kind = type(value)
        self._feed("object")
        self._class(kind)
        if isinstance(value, (weakref.ref, types.MappingProxyType)):
            return
        inner = getattr(value, "__wrapped__", None)
        if inner is not None and origin(kind.__module__) is Origin.library:
            self.read(inner, where)
            return
        named = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
        held = [("name", named)] if isinstance(named, str) else list(_held(value))
        for name, item in held:
            self._feed(name)
            self.read(item, where)
        if not held and where.startswith("`"):
            self._opaque.append(f"{where}, a {kind.__qualname__}")
            with self._only(_IN_LISTS_OF_CLOSURES):
                self._feed(str(id(value)))


def _patched(member: object) -> bool:
    """Whether an attribute of a class of this package was written elsewhere."""
    inner = getattr(member, "fget", None) or getattr(member, "__func__", member)
    return isinstance(inner, types.FunctionType) and origin(inner.__globals__.get("__name__") or "") is Origin.user


def _held(value: Any) -> Iterator[tuple[str, object]]:
    """What an object holds, by name; for one that says itself how it is copied, or hides what it holds, what it is copied from."""
    if isinstance(value, enum.Enum):
        yield "name", value.name
        return
    kind = type(value)
    ways = ("__getstate__", "__reduce__", "__reduce_ex__")
    copied = any(getattr(kind, way, None) is not getattr(object, way, None) for way in ways)
    found = {} if copied else dict(getattr(value, "__dict__", {}))
    for each in () if copied else kind.__mro__:
        slots = vars(each).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name) and not name.startswith("__"):
                found[name] = getattr(value, name)
    if found:
        yield from sorted((str(name), item) for name, item in found.items())
        return
    try:
        made = value.__reduce_ex__(4)
    except Exception:
        return
    parts = (made,) if isinstance(made, str) else made
    for name, item in zip(("made by", "of", "state", "entries", "items"), parts, strict=False):
        yield name, list(item) if isinstance(item, Iterator) else item
