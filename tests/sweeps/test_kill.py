"""A sweep killed in the middle of a block, and run again, is the sweep that was never killed."""

import pathlib
import signal
import subprocess
import sys
import time

import pandas as pd

import recover as rc

PROGRAM = """
import sys
import recover as rc
from recover.sweeps import layout


layout._ROWS = 40


if __name__ == "__main__":
    from tests.sweeps.test_kill import cell, AXES, OPTIONS
    table = rc.sweep(cell, AXES, store=sys.argv[1], **OPTIONS)
    table.frame.to_parquet(sys.argv[2])
"""
AXES = {"samples": list(range(20, 60, 4)), "sparsity": [2, 4, 8, 12]}
OPTIONS = {"trials": 12, "max_steps": 400}


def cell(samples, sparsity):
    model = rc.models.SparseRegression(dimension=80, samples=samples, sparsity=sparsity)
    return model, rc.solvers.AMP(tolerance=-1.0, patience=0)


def start(store, output):
    root = pathlib.Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(store), str(output)], cwd=root)


def blocks(store):
    return len(list(store.glob("*/blocks/*.parquet")))


def test_killed_in_the_middle_of_a_block(tmp_path):
    whole = start(tmp_path / "whole", tmp_path / "whole.parquet")
    assert whole.wait(timeout=300) == 0
    total = blocks(tmp_path / "whole")
    assert total >= 6
    killed = start(tmp_path / "parts", tmp_path / "parts.parquet")
    deadline = time.monotonic() + 200
    while blocks(tmp_path / "parts") < 2:
        assert time.monotonic() < deadline
        assert killed.poll() is None, "it finished before it could be killed"
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert 2 <= blocks(tmp_path / "parts") < total
    assert not (tmp_path / "parts.parquet").exists()
    again = start(tmp_path / "parts", tmp_path / "parts.parquet")
    assert again.wait(timeout=300) == 0
    first, second = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("whole", "parts"))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
