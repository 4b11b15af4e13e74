"""The script for accelerators runs whole on two CPU devices, tiny; what it compares devices by is compared as it says."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recover as rc
from benchmarks.accelerator import COMPARED, Report, parity, workloads

ROOT = pathlib.Path(__file__).parents[2]


def test_every_part_gives_numbers(tmp_path):
    output = tmp_path / "numbers.json"
    command = [sys.executable, "-m", "benchmarks.accelerator", "--tiny", "--output", str(output)]
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "2"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=500)
    found = json.loads(output.read_text())
    assert found["machine"]["device_count"] == 2
    assert set(found["workloads"]) == {*COMPARED, "bare_amp_shared", "amp_shared_bf16x3", "amp_shared_captured"}
    for name, numbers in found["workloads"].items():
        assert numbers["per_second"] > 0, (name, numbers)
        if not name.startswith("bare"):
            assert 0 < numbers["share_of_float32_peak"] < 1
            assert numbers["share_of_bandwidth"] > 0
    assert found["parity"]["rows"] > 20
    assert found["parity"]["same_result"] == found["parity"]["same_steps"] == 1.0
    assert found["parity"]["largest_difference"] < 0.01
    assert found["captured_loops"]["amp_shared"] > 0
    assert output.with_suffix(".png").stat().st_size > 1000


@pytest.mark.parametrize("tiny", [True, False])
def test_every_workload_is_a_grid_of_models_and_solvers(tiny):
    for work in workloads(tiny).values():
        for end in (0, -1):
            model, solver = work.cell(**{name: values[end] for name, values in work.axes.items()})
            assert isinstance(model, rc.core.AbstractModel)
            assert isinstance(solver, rc.solvers.AbstractSolver)
        frame = pd.DataFrame({"steps": [10.0, 30.0], "samples": [20.0, 20.0]})
        assert work.flops(frame) > 0


def test_parity_counts_what_differs():
    here = {
        "a/result": np.array(["converged", "stalled"]),
        "a/steps": np.array([5, 9]),
        "a/error": np.array([1e-7, 0.5]),
    }
    there = {
        "a/result": np.array(["converged", "diverged"]),
        "a/steps": np.array([5, 9]),
        "a/error": np.array([2e-7, 0.4]),
    }
    found = parity(here, there)
    assert (found["rows"], found["same_result"], found["same_steps"]) == (2, 0.5, 1.0)
    np.testing.assert_allclose(found["largest_difference"], 0.2)


def test_a_part_that_fails_or_comes_too_late_does_not_cost_the_others(tmp_path):
    def broken():
        raise MemoryError("out of memory\nat length")

    report = Report(tmp_path / "numbers.json", minutes=1.0)
    report.part("broken", broken)
    report.part("sound", lambda: {"x": 1.0}, within="workloads")
    late = Report(tmp_path / "late.json", minutes=-1.0)
    late.part("late", broken)
    found = json.loads((tmp_path / "numbers.json").read_text())
    assert found["broken"] == {"failed": "MemoryError: out of memory"}
    assert found["workloads"]["sound"] == {"x": 1.0}
    assert json.loads((tmp_path / "late.json").read_text())["late"] == {"skipped": "the time was up"}
