"""Compiled programs between runs of the tests: every worker reads those of all, and writes to a folder of its own.

JAX writes an entry where another process may read half of it. So the first process of a run links the entries of all
earlier workers into one folder, to which nobody writes, and every worker links what is in there into its own.
"""

import os
import pathlib
import time
from collections.abc import MutableMapping

_SHARED = "shared"
# An entry as young as this may still be written by a run beside this one.
_SECONDS = 10


def own_folder(environment: MutableMapping[str, str]) -> str:
    """The folder for compiled programs of this process, with those of earlier runs in it."""
    # Workers inherit the environment of the process that starts them, changed as it is by this function.
    top = pathlib.Path(environment.setdefault("RECOVER_TESTS_CACHE", environment["JAX_COMPILATION_CACHE_DIR"]))
    shared, worker = top / _SHARED, environment.get("PYTEST_XDIST_WORKER")
    if worker is None and top.is_dir():
        for folder in sorted(os.listdir(top)):
            link_entries(top / folder, shared)
    own = top / (worker or "alone")
    link_entries(shared, own)
    return str(own)


def link_entries(source: pathlib.Path, target: pathlib.Path) -> None:
    """Links the finished entries of one folder into another that lacks them."""
    if source == target or not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    there = {entry.name for entry in os.scandir(target)}
    for entry in os.scandir(source):
        if not entry.is_file() or entry.name in there:
            continue
        status = entry.stat()
        if status.st_size and time.time() - status.st_mtime > _SECONDS:
            try:
                os.link(entry.path, target / entry.name)
            except FileExistsError:
                pass
            except OSError:
                # No links here, or no entry any more: the program is compiled again.
                return
