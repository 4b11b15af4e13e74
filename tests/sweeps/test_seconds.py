"""The seconds of compiling are told apart, none is counted twice, and threads are apart too."""

import concurrent.futures
import time

import jax
import jax.numpy as jnp
from jax._src import compilation_cache

import recover as rc
from recover.sweeps import use_cache
from recover.sweeps.seconds import compile_seconds
from tests.sweeps.toy import traced_cell

TRACE = "/jax/core/compile/jaxpr_trace_duration"
LOWER = "/jax/core/compile/jaxpr_to_mlir_module_duration"


def total(spent) -> float:
    return spent.trace_seconds + spent.lower_seconds + spent.xla_seconds + spent.cache_seconds


def fresh(number: int):
    """A program that nobody has compiled; tracing it takes a while, within an inner trace and within the outer one."""

    @jax.jit
    def inner(x):
        time.sleep(0.3)
        return x + number

    @jax.jit
    def outer(x):
        time.sleep(0.1)
        return inner(x) * 2

    return outer


def test_inner_traces_count_once():
    started = time.perf_counter()
    with compile_seconds() as spent:
        fresh(1).lower(jnp.zeros(3)).compile()
    assert 0.4 <= spent.trace_seconds < 0.7
    assert spent.lower_seconds > 0
    assert spent.xla_seconds > 0
    assert total(spent) <= time.perf_counter() - started


def test_a_span_within_another_is_taken_from_it():
    with compile_seconds() as spent:
        for event, span in ((TRACE, (3.0, 4.0)), (TRACE, (5.0, 5.5)), (LOWER, (2.0, 7.0)), (TRACE, (8.0, 9.0))):
            jax.monitoring.record_event_time_span(event, *span)
        jax.monitoring.record_event_time_span("/jax/something/else", 0.0, 100.0)
    assert (spent.trace_seconds, spent.lower_seconds, spent.xla_seconds) == (2.5, 3.5, 0.0)


def test_threads_are_apart_and_listeners_go():
    def work(number):
        with compile_seconds() as spent:
            if number:
                fresh(10 + number).lower(jnp.zeros(3)).compile()
            else:
                time.sleep(0.8)
        return spent

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        idle, *busy = pool.map(work, range(3))
    assert total(idle) == 0
    # Each has traced its own two functions, and not those of the other.
    assert all(0.4 <= spent.trace_seconds < 0.79 for spent in busy)
    before = total(idle)
    fresh(20)(jnp.zeros(3))
    assert total(idle) == before


def test_what_comes_from_the_cache_is_a_hit_and_not_compiled(tmp_path):
    before = jax.config.jax_compilation_cache_dir
    use_cache(tmp_path)
    program = jax.jit(lambda x: jnp.sort(x) * 41)
    try:
        found = []
        for _ in range(2):
            jax.clear_caches()
            with compile_seconds() as spent:
                program.lower(jax.ShapeDtypeStruct((100,), jnp.float32)).compile()
            found.append(spent)
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
        compilation_cache.reset_cache()
    compiled, read = found
    assert (compiled.cache_hits, read.cache_hits) == (0, 1)
    assert compiled.cache_seconds == 0
    assert read.cache_seconds > 0
    assert read.xla_seconds < compiled.xla_seconds


def test_rows_know_what_their_program_cost():
    table = rc.sweep(traced_cell, {"samples": [3, 5], "noise": [0.0, 1.0]}, trials=3)
    record = table.provenance.iloc[0]
    parts = record[["trace_seconds", "lower_seconds", "xla_seconds", "cache_seconds"]]
    assert (parts >= 0).all()
    assert parts.sum() <= record["compile_seconds"]
    assert record["cache_hits"] in (0, 1)
