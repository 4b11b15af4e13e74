"""What has been compiled once is not compiled again."""

import os
import pathlib
import subprocess
import sys

import jax

import recover as rc
from recover.sweeps.compile import compile_program
from tests.sweeps.toy import traced_cell

AXES = {"samples": [3, 5], "noise": [0.0, 1.0]}
PROGRAM = """
import sys
import jax

missed = []
jax.monitoring.register_event_listener(lambda name, **_: missed.append(name) if name.endswith("/cache_misses") else None)

import recover as rc
from tests.sweeps.test_compilation import AXES
from tests.sweeps.toy import traced_cell

rc.sweep(traced_cell, AXES, trials=2, store=sys.argv[1])
print(len(missed))
"""


def test_a_finished_sweep_compiles_nothing(tmp_path):
    rc.sweep(traced_cell, AXES, trials=2, store=tmp_path)
    jax.clear_caches()
    compiled = []

    def listen(name, duration, **_):
        if name == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        rc.sweep(traced_cell, AXES, trials=2, store=tmp_path)
        assert compiled == []
        # What is missing is computed by the program that was there; forgotten, it is compiled, and the listener does listen.
        compile_program.cache_clear()
        rc.sweep(traced_cell, AXES, trials=3, store=tmp_path)
        assert compiled
    finally:
        jax.monitoring.clear_event_listeners()


def test_another_process_takes_programs_from_the_cache(tmp_path):
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    missed = []
    for number in range(2):
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / f"rows{number}")]
        root = pathlib.Path(__file__).parents[2]
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=True, timeout=200
        )
        missed.append(int(done.stdout.split()[-1]))
    assert missed[0] > 0
    assert missed[1] == 0
