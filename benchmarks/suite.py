"""The benchmarks by name, and a run of some of them with the machine described."""

import dataclasses
import os
import platform
from collections.abc import Callable, Sequence

from recover.sweeps.provenance import commit, machine, versions

from .isolated import isolated


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Where a benchmark's function is, whether plain `make bench` leaves it out, and whether every core is a device of its own."""

    module: str
    function: str = "run"
    on_request: bool = False
    core_devices: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """What its process adds to the environment; accelerators take no notice."""
        return {"JAX_NUM_CPU_DEVICES": str(os.cpu_count())} if self.core_devices else {}


BENCHMARKS = {
    "machine": Benchmark("machine"),
    "amp_grid": Benchmark("amp_grid", core_devices=True),
    "early_stopping_grid": Benchmark("early_stopping_grid", core_devices=True),
    "own_designs": Benchmark("own_designs", core_devices=True),
    "boundary": Benchmark("boundary"),
    "calibration_grid": Benchmark("calibration_grid", core_devices=True),
    "phase_retrieval": Benchmark("phase_retrieval", core_devices=True),
    "subgm_grid": Benchmark("subgm_grid", core_devices=True),
    "subgm_grid_small": Benchmark("subgm_grid", "run_small", core_devices=True),
    "surface_iteration": Benchmark("surface_iteration", core_devices=True),
    "peers": Benchmark("peers"),
    "regression": Benchmark("regression"),
    "first_solves": Benchmark("first_solves"),
    "scaling_dimension": Benchmark("scaling", "dimension", core_devices=True),
    "scaling_cells": Benchmark("scaling", "cells", core_devices=True),
    "scaling_devices": Benchmark("scaling", "devices"),
    "million": Benchmark("scaling", "million", core_devices=True),
    "autoencoders": Benchmark("autoencoders", on_request=True, core_devices=True),
    "own_environments": Benchmark("own_environments", on_request=True),
    "programs": Benchmark("programs", on_request=True, core_devices=True),
}


def names(wanted: Sequence[str]) -> list[str]:
    """The benchmarks asked for, or all that run without being asked.

    **Raises:** `ValueError` for a name that is none.
    """
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        raise ValueError(f"unknown benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return list(wanted) or [name for name, benchmark in BENCHMARKS.items() if not benchmark.on_request]


def run_all(wanted: Sequence[str], full: bool, report: Callable[[str, dict], None]) -> dict:
    """Runs benchmarks one after another, each in a process of its own, and reports each as it ends."""
    # Before we add to it: what else the machine had to do.
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    results = {}
    for name in wanted:
        benchmark = BENCHMARKS[name]
        results[name] = {
            "full": full,
            **isolated(benchmark.module, benchmark.function, benchmark.environment, full=full),
        }
        report(name, results[name])
    described = {**machine(), "processor": _processor(), "load_before": load}
    return {"commit": commit(), "versions": versions(), "machine": described, "results": results}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
