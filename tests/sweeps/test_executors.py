"""Executors of the standard library work, or are refused with the way out before anything is submitted."""

import concurrent.futures
import multiprocessing
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import recover as rc
from recover.sweeps.execute import check_executor
from tests.sweeps.toy import LeastSquares, Means, traced_cell

AXES = {"samples": [3, 5], "noise": [0.0, 1.0]}
ROOT = pathlib.Path(__file__).parents[2]


def swept(executor, cell=traced_cell, axes=AXES):
    return rc.sweep(cell, axes, trials=3, executor=executor)


@pytest.fixture(scope="module")
def errors():
    return swept(None).frame.error.to_numpy()


def test_a_forking_pool_is_refused_with_the_way_out(monkeypatch):
    def called(**point):
        raise AssertionError("a cell was called")

    for context in (multiprocessing.get_context("fork"), None):
        if context is None and multiprocessing.get_start_method() != "fork":
            continue
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            monkeypatch.setattr(pool, "submit", called)
            with pytest.raises(ValueError, match=r'mp_context=multiprocessing\.get_context\("spawn"\)'):
                swept(pool, called)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pools_that_start_anew_work(method, errors):
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        np.testing.assert_array_equal(swept(pool).frame.error, errors)


def test_threads_work(errors):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        np.testing.assert_array_equal(swept(pool).frame.error, errors)


@pytest.mark.parametrize("executor", [4, "threads", map, multiprocessing])
def test_what_is_no_executor_is_named(executor):
    with pytest.raises(TypeError, match=r"`executor` is .*; a `concurrent\.futures\.Executor` is allowed"):
        check_executor(executor)


def test_interpreters_are_refused(monkeypatch):
    class InterpreterPoolExecutor(concurrent.futures.ThreadPoolExecutor):
        """That of Python 3.14."""

    monkeypatch.setattr(concurrent.futures, "InterpreterPoolExecutor", InterpreterPoolExecutor, raising=False)
    with InterpreterPoolExecutor() as pool, pytest.raises(ValueError, match="which JAX does not support"):
        swept(pool)


def test_code_that_processes_cannot_import_is_named(monkeypatch):
    class Local(LeastSquares):
        pass

    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        monkeypatch.setattr(pool, "submit", None)
        with pytest.raises(ValueError, match=r"<locals>\.Local is local to a function.*use a ThreadPoolExecutor"):
            swept(pool, lambda: (Means(3), Local()), {})


SCRIPT = """
import concurrent.futures, multiprocessing, sys
import recover as rc
from tests.sweeps.toy import LeastSquares, Means

class Mine(LeastSquares):
    pass

if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        table = rc.sweep(lambda: (Means(3), Mine()), {}, trials=2, executor=pool)
    print(len(table.frame), "rows")
"""


@pytest.mark.parametrize("where", ["file", "standard input", "command"])
def test_a_script_with_processes(where, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    arguments = {"file": [str(path)], "standard input": ["-"], "command": ["-c", SCRIPT]}[where]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    given = SCRIPT if where == "standard input" else None
    done = subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, timeout=200, env=environment
    )
    if where == "file":
        assert done.stdout == "2 rows\n", done.stderr[-2000:]
    else:
        message = "is no file; save it in one" if where == "standard input" else "Mine is part of a session"
        assert message in done.stderr
        assert done.returncode == 1
