"""Strict numerics for every test: no silent promotion of dtypes or ranks."""

import gc
import itertools
import os

import jax
import jaxtyping
import numpy as np
import pytest

from tests.workers import pytest_collection_modifyitems as pytest_collection_modifyitems
from tests.workers import pytest_configure as pytest_configure
from tests.workers import pytest_xdist_auto_num_workers as pytest_xdist_auto_num_workers

# Every compiled program maps memory of its own, of which a process can have 65,530 pieces: a suite that kept all programs
# would crash in the compiler. At so many pieces a worker holds one to two gigabytes. Where the pieces cannot be counted, so
# many tests may share programs.
_MOST_MAPS = 12_000
_TESTS_PER_CACHE = 80
_TESTS_PER_LOOK = 10

# Whole sweeps, figures and benchmarks run solvers and models whose shapes and types are checked where these are tested alone;
# checking every call again takes a fifth of the time.
_UNCHECKED = tuple(f"tests/{folder}/" for folder in ("benchmarks", "experiments", "figures", "papers", "sweeps"))

# Traces are large graphs of live objects, which the collector would walk thousands of times in vain.
gc.set_threshold(50_000, 20, 50)

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_runtest_setup(item):
    """Types are checked in tests of single pieces, and with FULL=1 in all."""
    unchecked = item.nodeid.startswith(_UNCHECKED) and not os.environ.get("RECOVER_ALL_CONTRACTS")
    jaxtyping.config.update("jaxtyping_disable", unchecked)


def pytest_sessionstart(session):
    """Workers share compiled programs; who hands out the tests compiles none."""
    if hasattr(session.config, "workerinput") or not session.config.getoption("numprocesses", None):
        from recover.sweeps import use_cache

        use_cache()


@pytest.fixture
def getkey(request):
    """Fresh keys, the same ones in every run of a test."""
    # Not the identifier of the node, to which pytest-xdist adds the group.
    seed = sum(f"{request.node.nodeid.partition('::')[0]}::{request.node.name}".encode())
    keys = iter(jax.random.split(jax.random.key(seed), 100))
    return lambda: next(keys)


@pytest.fixture
def float64():
    """Double precision for the length of a test."""
    with jax.enable_x64(True):
        yield


# The package is imported inside of fixtures only: what is imported before the tests are collected is not type-checked.
@pytest.fixture
def trials():
    """Runs a solver on a batch of instances: errors, result names and steps.

    Tests prefer 200 coefficients, 100 samples and the default count: programs are then compiled once for all of them.
    """

    from tests.trials import solve_many

    return solve_many


@pytest.fixture
def sparse_data():
    """A NumPy instance: matrix, observations, coefficients."""

    def draw(samples=60, dimension=100, sparsity=8, noise=0.0, scale=None, seed=0):
        generator = np.random.default_rng(seed)
        matrix = generator.standard_normal((samples, dimension)) * (samples**-0.5 if scale is None else scale)
        truth = np.zeros(dimension)
        truth[generator.choice(dimension, sparsity, replace=False)] = generator.standard_normal(sparsity)
        observations = matrix @ truth
        observations = observations + noise * generator.standard_normal(samples)
        return matrix, observations, truth

    return draw


@pytest.fixture
def result_name():
    """The name of a result."""
    from recover.core.results import result_code, result_names

    return lambda solution: str(result_names(np.asarray(result_code(solution.result))[None])[0])


_finished = itertools.count(1)


def pytest_runtest_teardown(item, nextitem):
    """Forgets compiled programs before there are too many: a process that keeps thousands runs out of memory maps."""
    count = next(_finished)
    if count % _TESTS_PER_LOOK == 0:
        try:
            with open("/proc/self/maps", "rb") as maps:
                full = sum(1 for _ in maps) > _MOST_MAPS
        except OSError:
            full = count % _TESTS_PER_CACHE == 0
        if full:
            jax.clear_caches()
