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


def memory_bandwidth(megabytes: int = 256, passes: int = 8) -> float:
    """Bytes per second of a = b + s a over vectors beyond any cache: two reads and one write counted.

    In place, over and over: memory that is fresh from the operating system would be counted as slow.
    """
    first = jnp.ones(megabytes * 2**18, jnp.float32)
    second = 2 * first
    triad = jax.jit(lambda a, b: jax.lax.fori_loop(0, passes, lambda _, a: b + 0.5 * a, a))
    return 3 * passes * first.nbytes / best(lambda: triad(first, second)).seconds


def shares(flops: float, numbers: dict[str, float]) -> dict[str, float]:
    """What share of this machine's bounds a rate of instances is, measured now; each does `flops` in products with vectors.

    `share_of_peak` is of a plain matrix product's speed, of wall time (`_per_core`: of processor time). `share_of_bandwidth` is
    that of the bandwidth which reading every entry from memory, whenever it is multiplied, would take: two bytes per flop.
    It is above one where entries are used again while they are in a cache.
    """
    peak, peak_per_core = matrix_product_speed()
    return {
        "share_of_peak": flops * numbers["per_second"] / peak,
        "share_of_peak_per_core": flops * numbers["per_core_second"] / peak_per_core,
        "share_of_bandwidth": 2 * flops * numbers["per_second"] / memory_bandwidth(),
    }


def run(full: bool = False) -> dict:
    """The bounds by themselves."""
    per_second, per_core_second = matrix_product_speed()
    return {
        "matrix_product_per_second": per_second,
        "matrix_product_per_core_second": per_core_second,
        "memory_bandwidth": memory_bandwidth(),
    }
