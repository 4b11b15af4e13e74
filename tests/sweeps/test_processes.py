"""Processes joined by jax.distributed share a sweep, and each ends up with the whole table."""

import pathlib
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.sweeps import processes
from tests.sweeps.test_devices import AXES, cell

PROGRAM = """
import sys
import jax
import recover as rc
from recover.sweeps import layout
from tests.sweeps.test_devices import AXES, cell
address, index, folder, output = sys.argv[1:]
jax.distributed.initialize(address, num_processes=2, process_id=int(index))
layout._ROWS = 6
table = rc.sweep(cell, AXES, trials=4, max_steps=60, store=folder)
table.frame.assign(process=table.provenance.process.loc[table.frame.block].to_numpy()).to_parquet(output)
"""


def test_two_processes_share_the_blocks_and_the_table(tmp_path):
    root = pathlib.Path(__file__).parents[2]
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    outputs = [tmp_path / f"{index}.parquet" for index in range(2)]
    arguments = [[address, str(index), str(tmp_path / "rows"), str(output)] for index, output in enumerate(outputs)]
    running = [subprocess.Popen([sys.executable, "-c", PROGRAM, *each], cwd=root) for each in arguments]
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    first, second = (pd.read_parquet(output) for output in outputs)
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert set(first.process) == {0, 1}
    stored = pd.concat([pd.read_parquet(path) for path in (tmp_path / "rows").rglob("*.parquet")])
    assert len(stored) == len(first)  # nothing was computed twice
    alone = rc.sweep(cell, AXES, trials=4, max_steps=60).frame
    assert (alone.result == first.result).all()
    np.testing.assert_allclose(alone.error, first.error, rtol=0.05, atol=1e-5)


def test_several_processes_need_a_store(monkeypatch):
    monkeypatch.setattr(processes, "alone", lambda: False)
    with pytest.raises(ValueError, match="`store=`"):
        rc.sweep(cell, AXES, trials=1)
