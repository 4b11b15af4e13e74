"""Whose code a module is: Python's and its libraries', this package's, or the user's."""

import enum
import functools
import sys
import sysconfig

PACKAGES = ("recover", "experiments")
# Libraries: their versions are in the provenance of rows.
_LIBRARIES = ("equinox", "jax", "jaxlib", "jaxtyping", "lineax", "numpy", "optax", "optimistix", "scipy")
_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


class Origin(enum.Enum):
    """Whose code something is."""

    library = enum.auto()
    package = enum.auto()
    user = enum.auto()


def is_versioned(module: str) -> bool:
    """Whether a module belongs to Python, or to a library whose version is in the provenance of rows."""
    first = module.partition(".")[0]
    return first in _LIBRARIES or (first in sys.stdlib_module_names and first != "__main__")


@functools.lru_cache(maxsize=4096)
def origin(module: str) -> Origin:
    """Whose code a module is: told by where its file lies."""
    first = module.partition(".")[0]
    # What runs a session may be installed (`python -m pytest`, a kernel of notebooks); what is defined in it is not.
    if first == "__main__":
        return Origin.user
    if first in PACKAGES:
        return Origin.package
    if first in _LIBRARIES:
        return Origin.library
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return Origin.library if is_versioned(module) else Origin.user
    return Origin.library if file.startswith(_INSTALLED) or file.startswith("<frozen") else Origin.user
