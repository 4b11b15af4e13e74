"""Rows do not depend on how many devices share a block."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recover as rc

AXES = {"samples": [20, 30, 40, 50], "sparsity": [3, 6]}
PROGRAM = """
import sys
import jax
import recover as rc
from recover.sweeps import layout
from tests.sweeps.test_devices import AXES, cell
assert jax.local_device_count() == 2
trials, output = int(sys.argv[1]), sys.argv[2]
if trials == 4:
    layout._QUEUE_WORK, layout._CPU_WIDTHS, layout._LEAST_WIDTH = 0, (3, 3), 1
    group, = rc.plan_sweep(cell, AXES, trials=trials, max_steps=20).groups
    assert group.layout.slots.width == 3
table = rc.sweep(cell, AXES, trials=trials, max_steps=20)
assert table.provenance.device_count[0] == 2
table.frame.to_parquet(output)
"""


def cell(samples, sparsity):
    return rc.models.SparseRegression(dimension=60, samples=samples, sparsity=sparsity), rc.solvers.OMP()


@pytest.mark.parametrize("trials", [3, 4], ids=["lanes of all trials", "queues of whole trials"])
def test_two_devices_give_the_rows_of_one(tmp_path, trials):
    root = pathlib.Path(__file__).parents[2]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    output = tmp_path / "rows.parquet"
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(trials), str(output)], cwd=root, env=environment, check=True, timeout=300
    )
    one, two = rc.sweep(cell, AXES, trials=trials, max_steps=20).frame, pd.read_parquet(output)
    assert (one[["samples", "sparsity", "trial", "result"]] == two[["samples", "sparsity", "trial", "result"]]).all(
        axis=None
    )
    recovered = one.error < 1e-3
    assert recovered.any()
    np.testing.assert_allclose(one.error[recovered], two.error[recovered], atol=1e-5)
    np.testing.assert_allclose(one.error, two.error, rtol=0.05, atol=1e-5)
