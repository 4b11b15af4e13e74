"""A sweep killed in the middle of a block, and run again, is the sweep that was never killed."""

import pathlib
import signal
import subprocess
import sys
import time

import pandas as pd

import recover as rc

PROGRAM = """
import signal
import sys
import time
import recover as rc
from recover.sweeps import layout


layout._ROWS = 40
# A shell may have started the tests with interruptions ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    from tests.sweeps.test_kill import cell, AXES, OPTIONS
    # Between its blocks it rests, so that whoever watches it is in time.
    table = rc.sweep(cell, AXES, store=sys.argv[1], progress=lambda done, total: time.sleep(float(sys.argv[3])), **OPTIONS)
    table.frame.to_parquet(sys.argv[2])
"""
AXES = {"samples": list(range(20, 60, 4)), "sparsity": [2, 4, 8, 12]}
OPTIONS = {"trials": 12, "max_steps": 400}


def cell(samples, sparsity):
    model = rc.models.SparseRegression(dimension=80, samples=samples, sparsity=sparsity)
    return model, rc.solvers.AMP(tolerance=-1.0, patience=0)


def start(store, output, rest=0.0, **options):
    root = pathlib.Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(store), str(output), str(rest)], cwd=root, **options)


def blocks(store):
    return len(list(store.glob("*/blocks/*.parquet")))


def test_interrupted_from_the_keyboard(tmp_path):
    interrupted = start(tmp_path / "rows", tmp_path / "rows.parquet", rest=2.0, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while blocks(tmp_path / "rows") < 2:
        assert time.monotonic() < deadline
        assert interrupted.poll() is None, "it finished before it could be interrupted"
        time.sleep(0.005)
    interrupted.send_signal(signal.SIGINT)
    _, said = interrupted.communicate(timeout=200)
    assert interrupted.returncode != 0
    assert "rows are kept in" in said
    assert "the same call goes on from there" in said
    kept = blocks(tmp_path / "rows")
    assert kept >= 2
    again = start(tmp_path / "rows", tmp_path / "rows.parquet")
    assert again.wait(timeout=300) == 0
    assert len(pd.read_parquet(tmp_path / "rows.parquet")) == len(AXES["samples"]) * len(AXES["sparsity"]) * 12


def test_killed_in_the_middle_of_a_block(tmp_path):
    whole = start(tmp_path / "whole", tmp_path / "whole.parquet")
    assert whole.wait(timeout=300) == 0
    total = blocks(tmp_path / "whole")
    assert total >= 6
    killed = start(tmp_path / "parts", tmp_path / "parts.parquet", rest=0.1)
    deadline = time.monotonic() + 200
    while blocks(tmp_path / "parts") < 2:
        assert time.monotonic() < deadline
        assert killed.poll() is None, "it finished before it could be killed"
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert 2 <= blocks(tmp_path / "parts") < total
    assert not (tmp_path / "parts.parquet").exists()
    read = rc.Table.read(tmp_path / "parts").frame
    again = start(tmp_path / "parts", tmp_path / "parts.parquet")
    assert again.wait(timeout=300) == 0
    first, second = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("whole", "parts"))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert 0 < len(read) < len(first)
    both = first.merge(read, on=[*AXES, "solver", "trial"])
    assert len(both) == len(read)
    pd.testing.assert_series_equal(both.error_x, both.error_y, check_names=False, check_exact=True)
