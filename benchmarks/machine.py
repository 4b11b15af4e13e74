"""What the machine can do: the bounds that measurements are compared with."""

import time

import jax
import jax.numpy as jnp


def best_seconds(function, repeats: int = 3) -> float:
    """The shortest of a few timings, after one call that compiles; waits for the result."""
    jax.block_until_ready(function())
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - started)
    return min(times)


def matrix_product_speed(size: int = 2048) -> float:
    """Floating-point operations per second of a square single-precision matrix product."""
    matrix = jnp.ones((size, size), jnp.float32)
    product = jax.jit(lambda a: a @ a)
    return 2 * size**3 / best_seconds(lambda: product(matrix), repeats=5)


def memory_bandwidth(megabytes: int = 256) -> float:
    """Bytes per second of a scaled copy, read and write counted."""
    vector = jnp.ones(megabytes * 2**18, jnp.float32)
    scale = jax.jit(lambda x: 2 * x)
    return 2 * vector.nbytes / best_seconds(lambda: scale(vector))
