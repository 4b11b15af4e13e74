"""Random draws that do not depend on padding or precision.

Two properties make a random instance a function of its key alone:

- *prefix stability*: rows are the leading axis, and with JAX's partitionable Threefry the first rows of a taller draw
  are the rows of the shorter one, so a larger capacity never changes an instance;
- *precision stability*: numbers are drawn in float32 and then cast, so a float64 run sees the same instance.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, Key

from . import threefry


def _default_float():
    return jnp.zeros(()).dtype


def normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal draws."""
    return threefry.normal(key, shape).astype(_default_float())


def uniform(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Uniform draws in [0, 1)."""
    return threefry.uniform(key, shape).astype(_default_float())


def signs(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Independent signs, +1 or -1 with probability one half; each random word gives 32 of them."""
    *leading, last = shape
    words = threefry.bits(key, (*leading, -(-last // 32)))
    positions = jnp.arange(32, dtype=jnp.uint32).reshape((1,) * len(shape) + (32,))
    bits = (words[..., None] >> positions) & jnp.uint32(1)
    bits = bits.reshape(*leading, -1)[..., :last]
    return 2 * bits.astype(_default_float()) - 1


def random_order(key: Key[Array, ""], size: int) -> Int[Array, " size"]:
    """A uniformly random permutation of 0, ..., size - 1."""
    return jax.random.permutation(key, size)


def random_support(key: Key[Array, ""], size: int, sparsity: Int[Array, ""]) -> Bool[Array, " size"]:
    """Mask of a uniformly random subset of exactly `sparsity` of `size` coordinates; `sparsity` may be traced."""
    order = random_order(key, size)
    return jnp.zeros(size, bool).at[order].set(jnp.arange(size, dtype=jnp.int32) < sparsity, unique_indices=True)


def normal_tensor(key: Key[Array, ""], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Standard normal draws that are prefix stable along every axis, at the price of a key per slice."""
    if len(shape) == 1:
        return normal(key, shape)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(shape[-1], dtype=jnp.uint32))
    return jax.vmap(lambda each: normal_tensor(each, shape[:-1]), out_axes=-1)(keys)


def complex_normal(key: Key[Array, ""], shape: tuple[int, ...]) -> Complex[Array, "..."]:
    """Circular complex normal draws of unit variance, prefix stable along every axis."""
    real, imaginary = (normal_tensor(each, shape) for each in jax.random.split(key))
    return jax.lax.complex(real * np.sqrt(0.5).astype(real.dtype), imaginary * np.sqrt(0.5).astype(real.dtype))
