"""The random words and keys of `jax.random`, in a form that compiles into whatever uses them.

On a CPU, JAX's own lowering of Threefry is a loop that writes its four arrays to memory in each of five passes. Written
out, the twenty rounds fuse with the transformation that follows: the same words, at less than half of the cost, and
compiled in a third of the time.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Integer, Key, UInt32

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def bits(key: Key[Array, ""], shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """Equal to `jax.random.bits(key, shape, jnp.uint32)`: Threefry-2x32 of each element's number, its two words combined.

    Keys of another generator, and arrays of 2^32 elements or more, are left to JAX.
    """
    if not _is_threefry(key) or math.prod(shape) >= 2**32:
        return jax.random.bits(key, shape, jnp.uint32)
    words = jax.random.key_data(key)
    number = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    first, second = _scrambled(words[0], words[1], np.uint32(0), number)
    return first ^ second


def split(key: Key[Array, ""], number: int = 2) -> Key[Array, " number"]:
    """Equal to `jax.random.split(key, number)`: Threefry-2x32 of each new key's number."""
    if not _is_threefry(key):
        return jax.random.split(key, number)
    words = jax.random.key_data(key)
    index = np.arange(number, dtype=np.uint32)
    return _as_keys(*_scrambled(words[0], words[1], np.zeros_like(index), index))


def fold_in(key: Key[Array, ""], data: Integer[Array, ""] | np.integer | int) -> Key[Array, ""]:
    """Equal to `jax.random.fold_in(key, data)`: Threefry-2x32 of the data."""
    if not _is_threefry(key):
        return jax.random.fold_in(key, data)
    words = jax.random.key_data(key)
    number = data.astype(jnp.uint32) if isinstance(data, jax.Array) else np.uint32(data)
    return _as_keys(*_scrambled(words[0], words[1], np.uint32(0), number))


def _is_threefry(key) -> bool:
    return str(jax.random.key_impl(key)) == "threefry2x32"


def _as_keys(first, second):
    return jax.random.wrap_key_data(jnp.stack([first, second], axis=-1), impl="threefry2x32")


def folded(words: UInt32[np.ndarray, "... 2"], data: UInt32[np.ndarray, "..."]) -> UInt32[np.ndarray, "... 2"]:
    """The words of `jax.random.fold_in` for keys and data that broadcast, by NumPy: nothing is compiled for them."""
    zero = np.zeros((), np.uint32)
    return np.stack(np.broadcast_arrays(*_threefry(words[..., 0], words[..., 1], zero, data)), axis=-1)


def _threefry(key_first, key_second, first, second):
    """The generator of Salmon, Moraes, Dror and Shaw (salmon2011): 20 rounds, a subkey injected after every fourth."""
    subkeys = (key_first, key_second, key_first ^ key_second ^ _PARITY)
    first, second = first + subkeys[0], second + subkeys[1]
    for injection in range(5):
        for rotation in _ROTATIONS[injection % 2]:
            first = first + second
            second = first ^ ((second << np.uint32(rotation)) | (second >> np.uint32(32 - rotation)))
        first = first + subkeys[(injection + 1) % 3]
        second = second + subkeys[(injection + 2) % 3] + np.uint32(injection + 1)
    return first, second


# Within a traced function it is traced once for all draws of a shape; outside, it is one operation rather than a hundred.
_scrambled = jax.jit(_threefry, inline=True)


def symmetric_bits(key: Key[Array, ""], size: int) -> UInt32[Array, "size size"]:
    """A symmetric matrix of random words whose leading block is that of a smaller size.

    Entry (i, j) with i > j is word number i (i - 1) / 2 + j of `bits`; those on the diagonal repeat others.
    """
    index = jax.lax.iota(jnp.uint32, size)
    # The even one of two consecutive numbers is halved first, so that nothing overflows.
    before = jnp.where(index % 2 == 0, (index // 2) * (index - jnp.uint32(1)), index * ((index - jnp.uint32(1)) // 2))
    later = index[:, None] > index[None, :]
    number = jnp.where(later, before[:, None] + index[None, :], before[None, :] + index[:, None])
    if not _is_threefry(key):
        return bits(key, (size * (size + 1) // 2,))[number]
    words = jax.random.key_data(key)
    first, second = _scrambled(words[0], words[1], np.uint32(0), number)
    return first ^ second


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float32[Array, "..."]:
    """Equal to `jax.random.uniform(key, shape, jnp.float32)`: 23 random bits as the mantissa of a number in [1, 2), less one."""
    return _unit_interval(bits(key, shape))


def symmetric_uniform(key: Key[Array, ""], size: int) -> Float32[Array, "size size"]:
    """Uniform draws in [0, 1) made of `symmetric_bits`."""
    return _unit_interval(symmetric_bits(key, size))


def _unit_interval(words):
    mantissa = (words >> np.uint32(9)) | np.float32(1).view(np.uint32)
    return jax.lax.bitcast_convert_type(mantissa, jnp.float32) - np.float32(1)


def normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Float32[Array, "..."]:
    """Equal to `jax.random.normal(key, shape, jnp.float32)`: the inverse of the normal distribution function at a uniform draw."""
    low = np.nextafter(np.float32(-1), np.float32(0))
    symmetric = jnp.maximum(low, uniform(key, shape) * (np.float32(1) - low) + low)
    return np.float32(np.sqrt(2)) * jax.lax.erf_inv(symmetric)
