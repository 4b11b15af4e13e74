"""Strict numerics for every test: no silent promotion of dtypes or ranks."""

import gc
import itertools
import os

# Read when JAX starts. A worker that found the entry that another one is still writing would warn, and warnings are
# errors here; so every worker keeps compiled programs in a folder of its own.
if "JAX_COMPILATION_CACHE_DIR" in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] += "/" + os.environ.get("PYTEST_XDIST_WORKER", "alone")

import jax
import pytest

# Every compiled program maps memory of its own, of which a process can have some tens of thousands of pieces: a suite that
# kept all programs would crash in the compiler.
_TESTS_PER_CACHE = 80

# Traces are large graphs of live objects, which the collector would walk thousands of times in vain.
gc.set_threshold(50_000, 20, 50)

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def getkey(request):
    """Fresh keys, the same ones in every run of a test."""
    seed = sum(request.node.nodeid.encode())
    keys = iter(jax.random.split(jax.random.key(seed), 100))
    return lambda: next(keys)


_finished = itertools.count(1)


def pytest_runtest_teardown(item, nextitem):
    """Forgets compiled programs after every so many tests: a process that keeps thousands runs out of memory maps."""
    if next(_finished) % _TESTS_PER_CACHE == 0:
        jax.clear_caches()
