"""What the machine can do: the bounds that measurements are compared with."""

import jax
import jax.numpy as jnp

from .measure import best


def matrix_product_speed(size: int = 2048) -> tuple[float, float]:
    """Floating-point operations of a square single-precision matrix product: per second, and per core-second."""
    matrix = jnp.ones((size, size), jnp.float32)
    product = jax.jit(lambda a: a @ a)
    spent = best(lambda: product(matrix), repeats=7)
    return 2 * size**3 / spent.seconds, 2 * size**3 / spent.core_seconds


def memory_bandwidth(megabytes: int = 256) -> float:
    """Bytes per second of a scaled copy, read and write counted."""
    vector = jnp.ones(megabytes * 2**18, jnp.float32)
    scale = jax.jit(lambda x: 2 * x)
    return 2 * vector.nbytes / best(lambda: scale(vector)).seconds


def run(full: bool = False) -> dict:
    """The bounds by themselves."""
    per_second, per_core_second = matrix_product_speed()
    return {
        "matrix_product_per_second": per_second,
        "matrix_product_per_core_second": per_core_second,
        "memory_bandwidth": memory_bandwidth(),
    }
