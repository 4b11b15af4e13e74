"""Names that are imported when they are first asked for (PEP 562), so that a list of all of them costs nothing."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping


def attach(
    module: str, homes: Mapping[str, str], modules: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a module whose names live elsewhere in its package.

    **Arguments:**

    - `module`: `__name__` of the module.
    - `homes`: for every name the module that defines it, relative to the outermost package.
    - `modules`: names of whole modules, in the same way.
    """
    package = module.partition(".")[0]
    modules = modules or {}
    owner = sys.modules[module]
    if not hasattr(owner, "__path__"):
        # Paths below an index, which were modules once, are looked up like all others.
        owner.__path__ = []

    def get(name: str) -> object:
        if name in homes:
            value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        elif name in modules:
            value = importlib.import_module(f"{package}.{modules[name]}")
        elif (
            module == package and not name.startswith("_") and importlib.util.find_spec(f"{package}.{name}") is not None
        ):
            # Any other part of the package, and for one release the modules that were at its top.
            value = importlib.import_module(f"{package}.{name}")
        else:
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=owner)
        setattr(owner, name, value)
        return value

    names = sorted({*homes, *modules})
    return get, lambda: sorted({*vars(owner), *names}), names
