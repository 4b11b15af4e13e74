"""Random draws that do not depend on padding or precision.

Two properties make a random instance a function of its key alone:

- *prefix stability*: rows are the leading axis, and with JAX's partitionable Threefry the first rows of a taller draw
  are the rows of the shorter one, so a larger capacity never changes an instance;
- *precision stability*: numbers are drawn in float32 and then cast, so a float64 run sees the same instance.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, Key

from . import threefry
from .selection import smallest_words_mask
from .threefry import fold_in as fold_in
from .threefry import split as split

# Fewer random words than these are not worth a loop.
_FEW_WORDS = 64


def _default_float():
    return jnp.zeros(()).dtype


def normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal draws."""
    return threefry.normal(key, shape).astype(_default_float())


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Uniform draws in [0, 1)."""
    return threefry.uniform(key, shape).astype(_default_float())


def symmetric_uniform(key: Key[Array, ""], size: int) -> Float[Array, "size size"]:
    """A symmetric matrix of draws in [0, 1), independent off the diagonal, prefix stable along both axes.

    The diagonal repeats draws from elsewhere: whoever wants one draws it.
    """
    return threefry.symmetric_uniform(key, size).astype(_default_float())


def signs(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Independent signs, +1 or -1 with probability one half; each random word gives 32 of them."""
    *leading, last = shape
    count = (*leading, -(-last // 32))
    # Words that fuse with what reads them are computed 32 times. JAX's own loop writes them to memory: a third of the time for
    # many, and more to compile.
    words = threefry.bits(key, count) if math.prod(count) < _FEW_WORDS else jax.random.bits(key, count, jnp.uint32)
    positions = jnp.arange(32, dtype=jnp.uint32).reshape((1,) * len(shape) + (32,))
    # The bit becomes the sign of one.
    signed = (~(words[..., None] >> positions) << np.uint32(31)) | np.float32(1).view(np.uint32)
    return jax.lax.bitcast_convert_type(signed, jnp.float32).reshape(*leading, -1)[..., :last].astype(_default_float())


def random_order(key: Key[Array, ""], size: int) -> Int[Array, " size"]:
    """A uniformly random permutation of 0, ..., size - 1."""
    return jax.random.permutation(key, size)


def random_support(key: Key[Array, ""], size: int, sparsity: Int[Array, ""]) -> Bool[Array, " size"]:
    """Mask of a uniformly random subset of exactly `sparsity` of `size` coordinates; `sparsity` may be traced.

    Those with the smallest random words: the first `sparsity` in the order of `random_order`, as long as that is made by one
    sort (sizes up to 1,625), without a sort.
    """
    words = threefry.bits(split(key)[1], (size,))
    return smallest_words_mask(words, jnp.asarray(sparsity))


def normal_tensor(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal draws that are prefix stable along every axis, at the price of a key per slice.

    **Raises:** `ValueError` for axes too long to name a slice by one word.
    """
    trailing = shape[1:]
    if not trailing:
        return normal(key, shape)
    # The word of a slice holds its indices side by side, whatever the sizes.
    bits = 32 // len(trailing)
    if max(trailing) > 2**bits:
        raise ValueError(f"normal_tensor: `shape` is {shape}; trailing axes of at most {2**bits} are allowed.")
    words = np.zeros(trailing, np.uint32)
    for index in np.indices(trailing, dtype=np.uint32):
        words = (words << np.uint32(bits % 32)) | index
    keys = jax.vmap(fold_in, (None, 0))(key, jnp.asarray(words.reshape(-1)))
    slices = jax.vmap(lambda each: normal(each, shape[:1]), out_axes=-1)(keys)
    return slices.reshape(shape)


def complex_normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Complex[Array, "..."]:
    """Circular complex normal draws of unit variance, prefix stable along every axis."""
    parts = normal_tensor(key, (*shape, 2)) * np.sqrt(0.5).astype(_default_float())
    return jax.lax.complex(parts[..., 0], parts[..., 1])
