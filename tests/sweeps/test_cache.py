"""Processes share compiled programs: nobody reads half of an entry, and a cache that is of no use says so."""

import logging
import os
import pathlib
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import pytest
from jax._src import compilation_cache

from recover.sweeps import cache, use_cache
from recover.sweeps.cache import SharedCache, machine_kind

ROOT = pathlib.Path(__file__).parents[2]
SIZE, ENTRIES = 4_000_000, 10
WRITER = f"""
import sys
from recover.sweeps.cache import SharedCache
shared = SharedCache(sys.argv[1], max_size=-1)
for number in range({ENTRIES}):
    shared.put(f"program-{{number}}", bytes([number]) * {SIZE})
"""
PROGRAMS = """
import sys, warnings
import jax
import jax.numpy as jnp
from recover.sweeps import use_cache
warnings.simplefilter("error")
counts = {"hits": 0, "misses": 0}
def listen(name, **_):
    if name.startswith("/jax/compilation_cache/cache_"):
        counts[name.rpartition("_")[2]] += 1
jax.monitoring.register_event_listener(listen)
use_cache(sys.argv[1])
for number in range(12):
    jax.jit(lambda x: jnp.sort(x) + number)(jnp.zeros(100))
print(counts["hits"], counts["misses"])
"""


def started(program: str, *arguments) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def restored():
    """The cache of the other tests, afterwards."""
    names = ("compilation_cache_dir", "persistent_cache_min_compile_time_secs", "persistent_cache_min_entry_size_bytes")
    before = {f"jax_{name}": getattr(jax.config, f"jax_{name}") for name in names}
    kind = compilation_cache.LRUCache
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    compilation_cache.LRUCache = kind
    compilation_cache.reset_cache()
    jax.clear_caches()


def test_an_entry_is_whole_or_not_there(tmp_path):
    """A process reads entries while another one writes them."""
    mine = SharedCache(str(tmp_path), max_size=-1)
    writer = started(WRITER, tmp_path)
    number = 0
    while number < ENTRIES and (writer.poll() is None or (tmp_path / f"program-{number}-cache").exists()):
        value = mine.get(f"program-{number}")
        if value is not None:
            assert (len(value), value[0], value[-1]) == (SIZE, number, number)
            number += 1
    writer.communicate()
    assert (writer.returncode, number) == (0, ENTRIES)


def test_two_processes_at_a_time_share_their_programs_with_a_third(tmp_path):
    both = [started(PROGRAMS, tmp_path) for _ in range(2)]
    counts = [tuple(map(int, process.communicate(timeout=300)[0].split())) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(misses for _, misses in counts) > 0
    third = started(PROGRAMS, tmp_path)
    hits, misses = map(int, third.communicate(timeout=300)[0].split())
    assert hits > 0
    assert misses == 0
    assert [path.name for path in tmp_path.iterdir()] == [machine_kind()]


def test_machines_of_another_kind_have_another_folder(monkeypatch, tmp_path, restored):
    here = machine_kind()
    assert use_cache(tmp_path) == tmp_path / here
    assert use_cache() == tmp_path / here  # and not one folder deeper
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 0
    monkeypatch.setattr(cache, "_processor", lambda: ["flags:sse2"])
    assert machine_kind() != here
    monkeypatch.undo()
    monkeypatch.setattr(cache.jaxlib, "__version__", "9.9")
    assert machine_kind() != here


def test_without_a_folder_nothing_is_kept(restored):
    jax.config.update("jax_compilation_cache_dir", None)
    assert use_cache() is None
    assert jax.config.jax_compilation_cache_dir is None


def compiled(number: int) -> None:
    jax.clear_caches()
    jax.jit(lambda x: x + number)(jnp.zeros(3))


@pytest.mark.filterwarnings("ignore:Error reading persistent compilation cache entry")
def test_programs_that_cannot_be_loaded_are_replaced(tmp_path, restored, caplog):
    folder = use_cache(tmp_path)
    compiled(1)
    (entry,) = folder.glob("jit__lambda*-cache")
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    compilation_cache.reset_cache()
    compiled(1)
    assert entry.stat().st_size > len(whole) // 2
    assert not caplog.records


@pytest.mark.filterwarnings("ignore:Error reading persistent compilation cache entry")
def test_a_cache_that_never_hits_says_so_once(tmp_path, restored, caplog, monkeypatch):
    folder = use_cache(tmp_path)
    for number in range(6):
        compiled(number)

    def refused(*_):
        raise RuntimeError("made for another machine")

    compilation_cache.reset_cache()
    monkeypatch.setattr(compilation_cache, "extract_executable_and_time", refused)
    with caplog.at_level(logging.WARNING, "recover"):
        for number in range(6):
            compiled(number)
    (record,) = caplog.records
    assert str(folder) in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_bound_on_the_size_is_kept_by_jax(tmp_path):
    """With a lock of its own, which a stub stands for, and times of access beside the entries."""
    bounded = SharedCache(str(tmp_path), max_size=-1)
    bounded.eviction_enabled, bounded.max_size, bounded.lock_timeout_secs = True, 250, 1
    bounded.lock = types.SimpleNamespace(acquire=lambda timeout: None, release=lambda: None)
    for number in range(3):
        bounded.put(f"program-{number}", b"x" * 100)
    assert {path.name for path in tmp_path.glob("*-cache")} == {"program-1-cache", "program-2-cache"}
    assert bounded.get("program-1") == b"x" * 100
