"""JAX's persistent cache of compiled programs, made fit for a folder that many processes and machines share.

JAX writes an entry where readers look for it, so that another process may read half of one, and machines with other
processors read programs that they cannot run. Here entries appear whole, every kind of machine has a folder of its own,
and a cache whose programs cannot be loaded says so.
"""

import hashlib
import logging
import os
import pathlib
import platform
import threading

import jax
import jaxlib
from jax._src import compilation_cache
from jax._src.lru_cache import _CACHE_SUFFIX, LRUCache

from .files import write_whole

# What tells processors apart for which a compiler makes different code, on x86 and on Arm.
_PROCESSOR = ("vendor_id", "cpu family", "model", "flags", "CPU implementer", "CPU part", "Features")
# So many programs that were read but not loaded, and none that was, are no accident.
_REJECTED = 3


def use_cache(folder: str | os.PathLike | None = None) -> pathlib.Path | None:
    """Keeps compiled programs in a folder of this kind of machine, from now on and for processes to come.

    Several processes may use the folder at a time: test workers, tasks of a Slurm array. Programs of every size are kept
    unless the variables of JAX's environment say otherwise. Call it in every process before it compiles.

    **Arguments:**

    - `folder`: what the folders of all kinds lie in; that of `JAX_COMPILATION_CACHE_DIR` by default.

    **Returns:** the folder of this kind of machine, or `None` where there is no `folder`: nothing is kept.
    """
    root = jax.config.jax_compilation_cache_dir if folder is None else os.fspath(folder)
    if not root:
        return None
    kind = machine_kind()
    path = pathlib.Path(root) if pathlib.Path(root).name == kind else pathlib.Path(root, kind)
    compilation_cache.LRUCache = SharedCache
    compilation_cache.reset_cache()
    jax.config.update("jax_compilation_cache_dir", str(path))
    for name, everything in {"min_compile_time_secs": 0.0, "min_entry_size_bytes": -1}.items():
        if f"JAX_PERSISTENT_CACHE_{name.upper()}" not in os.environ:
            jax.config.update(f"jax_persistent_cache_{name}", everything)
    return path


def machine_kind() -> str:
    """What machines have in common that can run each other's programs, as a name: features of the processor, versions."""
    described = [platform.system(), platform.machine(), *_processor(), jax.__version__, jaxlib.__version__]
    digest = hashlib.blake2b("\n".join(described).encode(), digest_size=4).hexdigest()
    return f"{platform.machine()}-jax{jax.__version__}-{digest}"


def _processor() -> list[str]:
    """What the system says of the first processor; of a system that says nothing in a file, what Python knows."""
    try:
        first = pathlib.Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return [platform.processor()]
    lines = (line.partition(":") for line in first.splitlines())
    return [
        f"{name.strip()}:{' '.join(sorted(value.split()))}" for name, _, value in lines if name.strip() in _PROCESSOR
    ]


class SharedCache(LRUCache):
    """JAX's file cache, with entries that appear whole and are replaced where they cannot be loaded.

    With a bound on its size JAX locks the folder instead, and writes as it does.
    """

    def __init__(self, path: str, **options):
        super().__init__(path, **options)
        self._lock, self._read, self._rejected, self._useless = threading.Lock(), set(), set(), False

    def get(self, key: str) -> bytes | None:
        """The entry, if there is one, and this cache is of use."""
        value = None if self._useless else super().get(key)
        if value is not None:
            with self._lock:
                self._read.add(key)
        return value

    def put(self, key: str, value: bytes) -> None:
        """Keeps an entry. One that was read before could not be loaded, or nobody would have compiled it again."""
        if key in self._read:
            self._complain(key)
        path = pathlib.Path(os.fspath(self.path), f"{key}{_CACHE_SUFFIX}")
        if self.eviction_enabled or "://" in str(self.path):
            super().put(key, value)
        elif not self._useless and (key in self._rejected or not path.exists()):
            write_whole(path, value)

    def _complain(self, key: str) -> None:
        with self._lock:
            self._rejected.add(key)
            if not self._useless and len(self._rejected) >= _REJECTED and self._rejected == self._read:
                self._useless = True
                logging.getLogger("recover").warning(
                    "The compiled programs kept in %s cannot be loaded on this machine (jax#38445 is one reason), so this "
                    "process compiles all of them; JAX_ENABLE_COMPILATION_CACHE=false saves the attempt.",
                    self.path,
                )
