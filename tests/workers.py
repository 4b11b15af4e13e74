"""How many workers run the tests, and which tests run in one: hooks of pytest, which `conftest.py` takes over."""

import os

import pytest

# Long groups start first, so that no worker is left with one at the end.
_LONG = ("tests/papers/", "tests/sweeps/", "tests/sparse/", "tests/test_contract.py")
# Files whose tests run the same programs: solvers with their defaults on the default model, and sweeps of one toy or grid.
_TOGETHER = (
    ("tests/sparse/",),
    ("tests/sweeps/test_lanes.py", "tests/sweeps/test_audit.py"),
    tuple(f"tests/sweeps/test_{name}.py" for name in ("sweep", "measure", "closure", "compilation", "tracing")),
)


def pytest_configure(config):
    """The mark of pytest-xdist, for runs without it."""
    config.addinivalue_line("markers", "xdist_group(name): tests of a group run in one worker")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """As many workers as may run at a time here, which can be fewer than the machine has cores."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or not hasattr(os, "sched_getaffinity"):
        return None
    return len(os.sched_getaffinity(0))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests that share programs, as those of a file do, run in one worker unless they are marked otherwise."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            path = item.nodeid.partition("::")[0]
            item.add_marker(pytest.mark.xdist_group(next((g[0] for g in _TOGETHER if path.startswith(g)), path)))
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
