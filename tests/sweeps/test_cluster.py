"""A sweep on a Dask cluster whose worker dies in the middle."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recover as rc

pytest.importorskip("distributed")

AXES = {"samples": list(range(20, 60, 8)), "sparsity": [2, 4, 8]}
PROGRAM = """
import os, signal, sys
import distributed
import recover as rc
from recover.sweeps import layout
from tests.sweeps.test_cluster import AXES, cell

layout._ROWS = 10

if __name__ == "__main__":
    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, cluster.get_client() as client:
        victim = next(iter(client.run(os.getpid).values()))
        reports = []

        def kill_after_two_blocks(rows, total):
            reports.append(rows)
            if len(reports) == 3:
                os.kill(victim, signal.SIGKILL)

        table = rc.sweep(
            cell, AXES, trials=12, max_steps=300, store=sys.argv[1], executor=client.get_executor(),
            progress=kill_after_two_blocks,
        )
        assert len(reports) > 6
        assert victim not in client.run(os.getpid).values()
        table.frame.to_parquet(sys.argv[2])
"""


def cell(samples, sparsity):
    model = rc.models.SparseRegression(dimension=80, samples=samples, sparsity=sparsity)
    return model, rc.solvers.AMP(tolerance=-1.0, patience=0)


def test_a_killed_worker_loses_nothing_and_nothing_is_kept_twice(tmp_path):
    root = pathlib.Path(__file__).parents[2]
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, str(program), str(tmp_path / "rows"), str(tmp_path / "rows.parquet")]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    clustered = pd.read_parquet(tmp_path / "rows.parquet")
    stored = pd.concat([pd.read_parquet(path) for path in (tmp_path / "rows").rglob("*.parquet")])
    assert len(stored) == len(clustered) == 5 * 3 * 12
    assert not stored.duplicated(["lane", "trial"]).any()
    alone = rc.sweep(cell, AXES, trials=12, max_steps=300).frame
    assert (clustered[["samples", "sparsity", "trial"]] == alone[["samples", "sparsity", "trial"]]).all(axis=None)
    recovered = alone.error < 1e-3
    assert 0.2 < recovered.mean() < 1
    np.testing.assert_allclose(clustered.error[recovered], alone.error[recovered], atol=2e-5)
    assert (clustered.error[~recovered] > 1e-3).all()
